"""Tests the whole doctor on models with one known defect, and on healthy models."""
