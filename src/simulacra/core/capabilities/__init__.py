"""Capabilities: types that declare the abilities of a model; evaluation and commands check them."""
