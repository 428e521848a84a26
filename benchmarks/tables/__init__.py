"""Compares models of tables with those of SDV, on public tables of mixed columns."""
