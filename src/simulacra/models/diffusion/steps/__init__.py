"""Single steps of a diffusion: which are drawn in training, what they cost, and how they complete rows."""
