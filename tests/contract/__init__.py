"""One suite over every model: what the contract promises."""
