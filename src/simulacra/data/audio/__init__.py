"""Audio: readers of recordings, windows of recordings, and symbolic music."""
