"""Tests the doctor on sick and on healthy models.

python -m benchmarks.doctor                    # print the recorded runs beside each other
python -m benchmarks.doctor --write            # both recorded runs into docs/doctor.md as well
python -m benchmarks.doctor --measure after    # examine every case, and record the run by that name
python -m benchmarks.doctor --only "PPCA"      # the cases whose names have it, and record nothing
"""

from __future__ import annotations

import argparse
import logging
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.doctor import runs
from benchmarks.doctor.cases import CASES


def main() -> None:
    """Measures the cases, or prints the recorded runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", metavar="NAME", help="examine every case and record the run")
    parser.add_argument("--only", metavar="WORDS", help="only the cases whose names have these words")
    parser.add_argument("--write", action="store_true", help="both recorded runs into docs/doctor.md")
    asked = parser.parse_args()
    logging.getLogger("simulacra").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    if asked.measure or asked.only:
        cases = [case for case in CASES if not asked.only or asked.only in case.name]
        rows = runs.measured(cases)
        if asked.only:
            return
        runs.write(asked.measure, rows)
    if asked.write:
        runs.write_page()
    print(runs.table())


if __name__ == "__main__":
    main()
