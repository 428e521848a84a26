"""Measures of tables: pure functions on raw columns in float64, with no model in them."""
