"""Autoregressive models of vectors, entry by entry."""
