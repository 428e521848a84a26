"""Describes the data set that `load_data` would load, from a sample if the data are large."""
