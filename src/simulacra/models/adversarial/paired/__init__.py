"""Games of pairs: a generator makes an image of an image, or a wave of a wave, against a critic."""
