"""Games of pairs: a generator leads an image or a wave to another one, and critics judge its patches."""
