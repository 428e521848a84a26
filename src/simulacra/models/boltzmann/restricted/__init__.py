"""Machines with one visible and one hidden layer."""
