"""Games between two domains without pairs."""
