"""Machines whose hidden units share filters over an image."""
