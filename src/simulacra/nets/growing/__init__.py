"""Networks of games that grow: layers with equalized learning rates, and players that gain levels."""
