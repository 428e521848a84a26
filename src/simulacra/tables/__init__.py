"""Rows of tables as plain columns, and associations between columns, for measures and plots."""
