"""Models of tables beside those of SDV, on public tables of mixed columns."""
