"""Processes, devices, memory, and the time that training takes on them."""
