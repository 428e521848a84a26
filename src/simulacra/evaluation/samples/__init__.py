"""Scores of samples: distances to data, coverage, and copies of training rows."""
