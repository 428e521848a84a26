"""State of a run on disk: checkpoints, averaged weights, metrics."""
