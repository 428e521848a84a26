"""Typed scores: values with their kind, error and protocol, and estimators of log p(x)."""
