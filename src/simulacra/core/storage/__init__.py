"""Files: atomic writes, formats with numbers, and readers that are safe on files of strangers."""
