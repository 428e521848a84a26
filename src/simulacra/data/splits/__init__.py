"""Cuts train, validation and test rows: at random, by group, by stratum, by time, or as assigned."""
