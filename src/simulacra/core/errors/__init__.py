"""Checks of calls and arguments, with error messages that suggest a remedy."""
