"""Sound: recordings, windows of them, and music."""
