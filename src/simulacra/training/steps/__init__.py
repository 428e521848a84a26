"""One step of training: batches in order, objectives, optimizer steps."""
