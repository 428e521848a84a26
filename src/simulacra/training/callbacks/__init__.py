"""What happens beside the steps of training: looks, validation, progress, interrupts."""
