"""What `load_data` makes of a name or a path, described from a sample where the data are large."""
