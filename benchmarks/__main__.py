"""Run every benchmark, print the table and write it into benchmarks/README.md."""

from __future__ import annotations

import argparse
import datetime
import logging
import os
import platform
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.bound import bound_memory, bound_speed
from benchmarks.startup import startup
from benchmarks.timing import Row
from benchmarks.training import epoch_against_pythae, fit_overhead

BENCHES = {
    "fit": fit_overhead,
    "epoch": epoch_against_pythae,
    "bound": bound_speed,
    "memory": bound_memory,
    "startup": startup,
}
README = Path(__file__).with_name("README.md")
HEAD = """# Benchmarks

`make bench` measures every claim about speed and memory: interleaved repeats in one run, one
thread, ratios rather than seconds. `make bench ARGS="--quick"` takes a few minutes; `--only NAME`
runs one of {names}. The table is written by the program, as measured.
"""

FLOORS = """## Floors, and why some rows fall short

A step of 784-500-50 at batch 128 is 0.56 GFLOP of matrix products; this processor does 98 GFLOP/s in
fp32 on one thread, so the floor is 5.7 ms of the bare step. pythae spends the same products on the
same networks: an epoch can hardly be 1.4 times faster where they are most of it. A machine with faster
products, or smaller networks, shows the difference.

The bound decodes 1,000,000 codes at 0.41 MFLOP each: 4.2 s of products, with tanh and softplus the
floor in the table. pythae's time is about three and a half floors (it encodes each image anew for
every hundred samples), so five times faster than pythae is below the floor here.
"""


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats; nothing is written")
    parser.add_argument("--only", choices=list(BENCHES), help="one benchmark; nothing is written")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    rows: list[Row] = []
    for name, bench in BENCHES.items():
        if options.only in (None, name):
            rows += bench(options.quick)
            print(f"{name}: done", flush=True)
    table = render(rows)
    print(table)
    if not options.quick and options.only is None:
        README.write_text(
            f"{HEAD.format(names=', '.join(BENCHES))}\n{machine()}\n\n{table}\n\n{FLOORS}", encoding="utf-8"
        )


def machine() -> str:
    """One line on where it was measured."""
    date = datetime.date.today().isoformat()
    return (
        f"Measured {date} on {platform.machine()} with {os.cpu_count()} shared cores, one thread used, "
        f"Python {platform.python_version()}, torch {torch.__version__}."
    )


def render(rows: list[Row]) -> str:
    """The table in Markdown."""
    lines = ["| what | measured | wanted | holds | how |", "|---|---|---|---|---|"]
    for row in rows:
        holds = "yes" if row.holds else "**no**"
        lines.append(f"| {row.what} | {row.measured} | {row.wanted} | {holds} | {row.note} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
