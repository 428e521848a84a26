"""What must not be lost: interruptions, failures, several processes."""
