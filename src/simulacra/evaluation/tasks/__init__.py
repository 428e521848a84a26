"""What a model is good for: classification and training on its samples."""
