"""Scores by downstream tasks: classification, few labels, and training on samples."""
