"""Files: atomic writes, formats with version numbers, and readers that are safe on untrusted files."""
