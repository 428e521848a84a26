"""Corruptions of observations: the noise that a model learns to undo, or what a condition lacks."""
