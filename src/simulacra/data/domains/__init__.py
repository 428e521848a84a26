"""Two domains without pairs, whose names are the labels of rows."""
