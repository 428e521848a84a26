"""Estimators of the gradient of belief nets."""
