"""The pictures of a run: the registry, and one file for each kind."""
