"""Rows that stand in two splits, exactly or nearly."""

from simulacra.data.leaks.search import copies_within, find_leaks

__all__ = ["copies_within", "find_leaks"]
