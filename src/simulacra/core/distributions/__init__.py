"""Distributions of observations, and the likelihood heads that compute their parameters."""
