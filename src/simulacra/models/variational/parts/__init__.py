"""Parts that models with a Gaussian code share."""
