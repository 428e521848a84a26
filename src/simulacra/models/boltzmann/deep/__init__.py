"""Machines and belief networks with several hidden layers."""
