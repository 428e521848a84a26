"""Scores of translations between classes without pairs."""
