"""Scores: estimates of log p(x) with their kind, standard error and protocol."""
