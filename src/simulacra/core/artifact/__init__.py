"""Saving and loading of models: weights and a configuration, without executable content."""
