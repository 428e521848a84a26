"""The doctor: checks of a trained model, and advice that fits it."""
