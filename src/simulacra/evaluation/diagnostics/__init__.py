"""Measures of failures of trained models, which the doctor's checks read."""
