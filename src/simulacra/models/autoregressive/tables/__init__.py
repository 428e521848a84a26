"""Autoregressive models of tables, column by column."""
