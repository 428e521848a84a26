"""Rows of tables as plain columns, and how columns depend on each other: what scores and pictures share."""
