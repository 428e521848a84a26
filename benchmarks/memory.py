"""Measures the peak memory of a computation in a process of its own. Linux only.

It reads the kernel's `VmHWM`, because `getrusage` also counts the process that started this one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROCESS = Path("/proc/self")


def in_a_fresh_process(module: str, call: str) -> float:
    """Returns the number that a call prints in a new process.

    Args:
        module: module of `benchmarks`.
        call: the call of one of its functions, as source code.
    """
    function = call.partition("(")[0]
    command = [sys.executable, "-c", f"from benchmarks.{module} import {function}; {call}"]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def peak() -> float:
    """Returns the peak memory of this process, in MB."""
    lines = (PROCESS / "status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def added(action: Callable[[], object]) -> float:
    """Returns the MB by which `action` raises the peak above the memory in use before."""
    (PROCESS / "clear_refs").write_text("5", encoding="utf-8")  # resets the peak
    before = peak()
    action()
    return peak() - before
