"""Networks over sequences: attention and recurrences."""
