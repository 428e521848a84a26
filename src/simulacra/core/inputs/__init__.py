"""Conversion of user data (arrays, tables, pictures) to rows of a space, and back."""
