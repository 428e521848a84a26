"""Recorded motion: files of a skeleton's positions and angles, frame by frame."""
