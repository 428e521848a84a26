"""Comparison of models: protocols, rankings and tables of scores."""
