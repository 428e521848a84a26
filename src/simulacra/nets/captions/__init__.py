"""Networks of pictures and their captions."""
