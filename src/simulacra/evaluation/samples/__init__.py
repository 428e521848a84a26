"""Samples beside data: distances, coverage, copies."""
