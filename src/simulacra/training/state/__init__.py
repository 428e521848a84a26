"""What a run keeps: checkpoints, averaged weights, metrics."""
