"""Checks of whole texts: molecules, expressions, and the registry of such checks."""
