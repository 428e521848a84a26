"""Pictures as data, and a view for each space."""
