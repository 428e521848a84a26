"""Checks of the doctor, grouped by file: each is a function from the evidence to a finding or None."""
