"""Runs every benchmark, prints the table and writes it into benchmarks/README.md."""

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

from benchmarks.beliefs import belief_step
from benchmarks.boltzmann import boltzmann
from benchmarks.bound import bound_memory, bound_noise, bound_speed
from benchmarks.decoder import decoder
from benchmarks.denoising import denoising_steps, long_chains
from benchmarks.diffusions import diffusions
from benchmarks.distances import distances
from benchmarks.games import games
from benchmarks.masked import masked
from benchmarks.nade import nade_recursion
from benchmarks.pixelcnn import pixelcnn, row_lstm
from benchmarks.startup import startup
from benchmarks.tiles import tiles
from benchmarks.timing import Row, matrix_rate
from benchmarks.training import epoch_against_pythae, fit_overhead
from benchmarks.transformer import transformer
from benchmarks.trust import trust
from benchmarks.wavenet import wavenet

BENCHES = {
    "fit": fit_overhead,
    "epoch": epoch_against_pythae,
    "bound": bound_speed,
    "memory": bound_memory,
    "noise": bound_noise,
    "nade": nade_recursion,
    "pixelcnn": pixelcnn,
    "row-lstm": row_lstm,
    "wavenet": wavenet,
    "transformer": transformer,
    "masked": masked,
    "beliefs": belief_step,
    "boltzmann": boltzmann,
    "diffusions": diffusions,
    "distances": distances,
    "games": games,
    "tiles": tiles,
    "trust": trust,
    "startup": startup,
    "decoder": decoder,
    "denoising": denoising_steps,
    "chains": long_chains,
}
README = Path(__file__).with_name("README.md")
HEAD = """# Benchmarks

`make bench` measures every claim about speed and memory: interleaved repeats in one run, one
thread, ratios rather than seconds. `make bench ARGS="--quick"` takes a few minutes; `--only NAME`
runs one of {names}. The table is written by the program, as measured.

`make bench-tables` measures models of tables beside SDV, CTGAN and TVAE; how to run it and what it found:
[tables/README.md](tables/README.md).

`make bench-doctor` prints what the doctor says of 47 sick and 48 healthy models, before its checks changed
and after.
"""

FLOORS = """## Floors, and why some rows fall short

In the same run one thread did {rate:.0f} GFLOP/s of fp32 matrix products. A step of 784-500-50 at batch
128 is {step:.2f} GFLOP, so its floor is {step_ms:.1f} ms. pythae spends the same products on the same
networks: where they are most of an epoch, little can be gained on them. Smaller networks, or a machine
with faster products, show more of the difference.

The bound decodes 1,000,000 codes at {code:.2f} MFLOP each: {bound_s:.1f} s of products, and with tanh and
softplus the floor in the table. The ratio to pythae times the ratio to the floor is pythae's own time
in floors; where that is less than five, five times faster than pythae is below the floor.
"""


def floors() -> str:
    """Returns the section on lower bounds of the time, from the rate of matrix products measured now."""
    rate = matrix_rate()
    # multiply-adds of the layers: forward, weight gradients, and input gradients except the first layer's
    forward = 128 * (784 * 500 + 500 * 100 + 50 * 500 + 500 * 784)
    step = 2 * (3 * forward - 128 * 784 * 500) / 1e9
    code = 2 * (50 * 200 + 200 * 200 + 200 * 784) / 1e6
    return FLOORS.format(
        rate=rate, step=step, step_ms=step / rate * 1e3, code=code, bound_s=code * 1e3 / rate
    )


def main() -> None:
    """Parses the options, runs the benchmarks, prints and writes the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats; nothing is written")
    parser.add_argument(
        "--only", choices=list(BENCHES), help="one benchmark, whose rows replace those of before"
    )
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
    if options.quick:
        return
    if options.only is not None:
        README.write_text(replaced(README.read_text(encoding="utf-8"), table), encoding="utf-8")
        return
    README.write_text(
        f"{HEAD.format(names=', '.join(BENCHES))}\n{machine()}\n\n{table}\n\n{floors()}", encoding="utf-8"
    )


def replaced(page: str, table: str) -> str:
    """Returns the page with the new rows in place of those that measured the same, other new ones at the end.

    Args:
        page: content of the README.
        table: the table with the new rows.
    """
    what = lambda line: line.split(" | ")[0]
    new = {what(line): line for line in table.splitlines()[2:]}
    lines = [new.pop(what(line), line) for line in page.splitlines()]
    end = max(i for i, line in enumerate(lines) if line.startswith("| ")) + 1
    return "\n".join([*lines[:end], *new.values(), *lines[end:]]) + "\n"


def machine() -> str:
    """Describes the machine in one line."""
    date = datetime.date.today().isoformat()
    return (
        f"Measured {date} on {platform.machine()} with {os.cpu_count()} shared cores, one thread used, "
        f"Python {platform.python_version()}, torch {torch.__version__}."
    )


def render(rows: list[Row]) -> str:
    """Returns the table in Markdown."""
    lines = ["| what | measured | wanted | holds | how |", "|---|---|---|---|---|"]
    for row in rows:
        holds = "yes" if row.holds else "**no**"
        lines.append(f"| {row.what} | {row.measured} | {row.wanted} | {holds} | {row.note} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
