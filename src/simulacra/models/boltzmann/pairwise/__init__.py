"""Machines whose units act on each other, in pairs or in higher orders."""
