"""Training callbacks and services beside the steps: diagnostics, validation, progress, interrupts."""
