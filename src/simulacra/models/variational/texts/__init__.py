"""Models of texts with a Gaussian code."""
