"""Numbers that a change is not meant to change."""
