"""Networks whose outputs depend on the preceding entries only."""
