"""Splits of rows, in memory or streamed from files."""
