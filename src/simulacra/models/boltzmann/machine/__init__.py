"""What every Boltzmann machine shares: energy, units, learning, partition function."""
