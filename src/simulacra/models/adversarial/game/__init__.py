"""What every adversarial model shares: the game, its objectives, rules and stabilizers."""
