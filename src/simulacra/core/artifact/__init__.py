"""Saving a model and building it again: weights and a configuration, nothing that is executed."""
