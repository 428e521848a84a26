"""Rows that stand in two splits, exactly or nearly."""
