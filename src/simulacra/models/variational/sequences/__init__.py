"""Variational models of sequences, with a code for each step."""
