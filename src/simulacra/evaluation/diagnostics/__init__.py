"""What may be wrong with a trained model: measures that the checks of the doctor read."""
