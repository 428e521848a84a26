"""Tables: files, columns and the kinds of their values."""
