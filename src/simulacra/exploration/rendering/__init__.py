"""Renderer of pictures for matplotlib, the only files that import it."""
