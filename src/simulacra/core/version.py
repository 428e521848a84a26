"""The version of the library; `simulacra.__version__` is the same."""

__version__ = "0.1.0"
