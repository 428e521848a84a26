"""The shared base of all Boltzmann machines: energy, units, learning, partition function."""
