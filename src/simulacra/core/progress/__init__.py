"""Progress of long computations: reporting it, displaying it and estimating the time."""
