"""Scores of models of pairs: translations beside the truth and beside honest references."""
