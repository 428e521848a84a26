"""Preprocessing from raw data to a model's space; each step has an inverse and a Jacobian."""
