"""From what users hand in (arrays, tables, pictures) to rows of a space, and back."""
