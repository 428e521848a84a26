"""How rows of each space are drawn."""
