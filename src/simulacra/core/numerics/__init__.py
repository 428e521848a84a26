"""Numerical helpers: float64 sums, moments, and correlations of discretized Gaussian variables."""
