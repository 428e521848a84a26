"""Data sets with a name: where they are published, fetched from and read."""
