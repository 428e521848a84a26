"""Readers of tables: files, columns and the kinds of their values."""
