"""Peak memory of a piece of work, in a process of its own. Linux only.

The kernel's `VmHWM` is asked, because `getrusage` also counts the process that started this one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROCESS = Path("/proc/self")


def in_a_fresh_process(module: str, call: str) -> float:
    """The number that `call`, a call of a function of `benchmarks.MODULE`, prints."""
    function = call.partition("(")[0]
    command = [sys.executable, "-c", f"from benchmarks.{module} import {function}; {call}"]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def peak() -> float:
    """The most memory that this process has held at once, in MB."""
    lines = (PROCESS / "status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def added(action: Callable[[], object]) -> float:
    """The MB by which `action` raises the peak above what is held before it."""
    (PROCESS / "clear_refs").write_text("5", encoding="utf-8")  # the peak begins anew
    before = peak()
    action()
    return peak() - before
