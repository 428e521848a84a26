"""Machines of sequences, whose biases come from a recurrent state."""
