"""Games of frames and volumes: the next frame of a film, and solids as voxels."""
