"""Readers of texts: lines and windows of a file, a column of a table, and their vocabularies."""
