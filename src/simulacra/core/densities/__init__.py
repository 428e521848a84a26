"""Densities, and how draws of them are made from keyed noise so that gradients reach their parameters."""
