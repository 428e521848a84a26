"""A description of the data set that `load_data` makes, from a sample where the data are large."""
