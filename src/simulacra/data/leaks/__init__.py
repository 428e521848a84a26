"""Duplicates and near-duplicates across splits."""

from simulacra.data.leaks.search import copies_within, find_leaks

__all__ = ["copies_within", "find_leaks"]
