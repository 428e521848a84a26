"""The command line, `simulacra COMMAND`: every option comes from a signature and its docstring."""

from simulacra.cli.app import main

__all__ = ["main"]
