"""Random numbers as a pure function of a seed, a name and a row."""
