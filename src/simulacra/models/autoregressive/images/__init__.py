"""Autoregressive models of images, pixel by pixel."""
