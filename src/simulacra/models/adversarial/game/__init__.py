"""The shared base of all adversarial models: the two-player game, its objectives, rules and stabilizers."""
