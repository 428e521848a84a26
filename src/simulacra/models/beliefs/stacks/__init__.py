"""The stacks p and q of belief nets: their layers, and what both together can do."""
