"""Scores of pictures that were drawn from captions, judged by networks that were trained on real rows."""
