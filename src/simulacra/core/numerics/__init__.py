"""Sums in float64, moments, and correlations seen through cells."""
