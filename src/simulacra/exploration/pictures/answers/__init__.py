"""Pictures of the answers of a model about held-out rows, beside the truth."""
