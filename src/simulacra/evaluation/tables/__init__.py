"""Measures of generated tables: pure functions of raw columns in float64, independent of any model."""
