"""A pytest plugin: what tests import from simulacra and the sources do not have fails when it is used.

A test that was written with a mend often imports the mend, and its file cannot be imported on the sources of
the parent commit. With this plugin a missing name stands for itself until a test calls it, so that each test
of the file fails or passes alone: `NotImplementedError: lacks simulacra.core.size.size_of`.

Usage: `python -m pytest -p lacking ...` with `tools` on the path; `tools/faults.py` does so.
"""

from __future__ import annotations

import builtins
import importlib
from typing import Any

real = builtins.__import__


class Lacking:
    """A name that the sources do not have; attributes of it are lacking, too.

    Args:
        name: such as `simulacra.core.size.size_of`.
    """

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Lacking(f"{self._name}.{name}")

    def __hash__(self) -> int:
        return hash(self._name)

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"lacks {self._name}")

    __call__ = __iter__ = __len__ = __getitem__ = __enter__ = __bool__ = _fail
    __eq__ = __lt__ = __gt__ = __add__ = __radd__ = __mul__ = __float__ = __int__ = _fail


class Module:
    """A module of the sources, or one that they do not have.

    Args:
        name: name of the module.
    """

    def __init__(self, name: str):
        self._name = name
        try:
            self._module: Any = importlib.import_module(name)
        except ImportError:
            self._module = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._module is not None and hasattr(self._module, name):
            return getattr(self._module, name)
        try:
            return importlib.import_module(f"{self._name}.{name}")
        except ImportError:
            return Lacking(f"{self._name}.{name}")


def imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    """Imports as Python does; in a test, `from simulacra... import ...` also succeeds for missing names."""
    file = (globals or {}).get("__file__") or ""
    if level or not fromlist or "*" in fromlist or not name.startswith("simulacra") or "/tests/" not in file:
        return real(name, globals, locals, fromlist, level)
    return Module(name)


builtins.__import__ = imported
