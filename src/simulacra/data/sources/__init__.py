"""Splits of rows in memory or streamed from files, and the sources from which they are cut."""
