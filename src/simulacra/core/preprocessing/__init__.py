"""Steps from raw data to the space of a model, each with its inverse and its Jacobian."""
