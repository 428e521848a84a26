"""The command line answers before torch could be imported."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.timing import Row, median

PROGRAM = "import sys; from simulacra.cli import main; sys.argv = ['simulacra', *{0!r}]; main()"


def startup(quick: bool) -> list[Row]:
    """`simulacra --help` and `simulacra models`, as whole processes."""
    rows = []
    for arguments in (["--help"], ["models"]):
        seconds = [_time(arguments) for _ in range(5 if quick else 15)][1:]
        rows.append(
            Row(
                f"`simulacra {arguments[0]}`",
                f"{median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})",
                "< 0.3 s",
                median(seconds) < 0.3,
                "whole process, wall clock",
            )
        )
    return rows


def _time(arguments: list[str]) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-c", PROGRAM.format(arguments)]
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began
