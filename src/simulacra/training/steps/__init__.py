"""One training step: order of batches, objectives, optimizer steps."""
