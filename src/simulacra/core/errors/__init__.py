"""Checks of calls, the kinds of values in words, and suggestions to the user."""
