"""Progress of long work: what is done, what is left, and how it is shown."""
