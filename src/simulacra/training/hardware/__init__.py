"""Devices, processes, memory, and the predicted time of training."""
