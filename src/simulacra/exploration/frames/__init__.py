"""Films that a model of the next frame continues."""
