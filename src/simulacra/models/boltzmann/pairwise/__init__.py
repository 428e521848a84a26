"""Machines whose units interact with each other directly, in pairs or in higher orders."""
