"""Counts how often the doctor finds a known defect, and how often it suspects a healthy model.

    python -m benchmarks.doctor_table             # measure over 5 seeds, write record and table
    python -m benchmarks.doctor_table --write     # the table again from the record

Each check examines a model with a known defect and a healthy one. The record is
benchmarks/doctor.json; the table is in docs/doctor.md between two markers.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks import doctor_cases as c
from benchmarks import doctor_models as m
from benchmarks import doctor_pairs as pairs
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.measures.measure import Evidence

SEEDS = range(5)
RECORD = Path(__file__).with_name("doctor.json")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "doctor.md"
BEGIN, END = "<!-- table of the doctor: python -m benchmarks.doctor_table -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Case:
    """One check with a defective and a healthy model.

    Args:
        check: names of the findings that count.
        ill: description of the defective model.
        well: description of the healthy model.
        sick: returns the evidence of the defective model for a seed.
        healthy: returns the evidence of the healthy model for a seed.
    """

    check: tuple[str, ...]
    ill: str
    well: str
    sick: Callable[[int], Evidence]
    healthy: Callable[[int], Evidence]


CASES = (
    Case(
        ("posterior collapse",),
        "VAE of independent bits",
        "VAE of 0/1 digits",
        lambda s: c.silent(s),
        lambda s: c.codes(m.vae(s), m.bits(), s),
    ),
    Case(
        ("unused units",),
        "VAE with 8 latents of data with 2 factors",
        "the same with 2 latents",
        lambda s: c.factors(8, s),
        lambda s: c.factors(2, s),
    ),
    Case(
        ("aggregate posterior",),
        "VAE of 2 factors whose encoder was moved by 3",
        "the same, not moved",
        lambda s: c.moved_factors(3.0, s),
        lambda s: c.moved_factors(0.0, s),
    ),
    Case(
        ("memorization",),
        "draws 500 of the training rows",
        "draws fresh rows of the truth",
        lambda s: c.drawn(m.training_rows(s), s),
        lambda s: c.drawn(m.truth(s), s),
    ),
    Case(
        ("samples",),
        "draws rows of the truth, moved by half a standard deviation",
        "draws fresh rows of the truth",
        lambda s: c.drawn(m.truth(s) + 0.5, s),
        lambda s: c.drawn(m.truth(s), s),
    ),
    Case(
        ("missing modes",),
        "RNADE trained on the right half of the ring",
        "trained on all of it",
        lambda s: c.half_ring(s, True),
        lambda s: c.half_ring(s, False),
    ),
    Case(
        ("overfitting",),
        "MADE of 100 digits, 150 epochs",
        "of 1,400 digits, 8 epochs",
        lambda s: c.fitted(100, 150, s),
        lambda s: c.fitted(1400, 8, s),
    ),
    Case(
        ("validation score",),
        "MADE of 100 digits, 150 epochs",
        "of 1,400 digits, 8 epochs",
        lambda s: c.fitted(100, 150, s),
        lambda s: c.fitted(1400, 8, s),
    ),
    Case(
        ("terms of the loss",),
        "VAE of the ring with lr=0.3",
        "with lr=0.001",
        lambda s: c.metrics_of(0.3, s),
        lambda s: c.metrics_of(1e-3, s),
    ),
    Case(
        ("importance samples",),
        "VAE of 0/1 digits whose encoder was moved by 3",
        "the same, not moved",
        lambda s: c.weighed(m.moved(m.vae(s), 3.0), s),
        lambda s: c.weighed(m.vae(s), s),
    ),
    Case(
        ("partition function",),
        "RBM with random couplings of size 1, 30 temperatures",
        "of size 0.05, 300 temperatures",
        lambda s: c.annealed(1.0, 30, s),
        lambda s: c.annealed(0.05, 300, s),
    ),
    Case(
        ("density on discrete data",),
        "PPCA of levels as if they were real numbers",
        "of dequantized levels",
        lambda s: c.levels(m.rounded(), s),
        lambda s: c.levels(m.grey(), s),
    ),
    Case(
        ("unbounded density",),
        "VAE with a learned scale, 2 constant columns among 10",
        "the same without constant columns",
        lambda s: c.spiked(2, s),
        lambda s: c.spiked(0, s),
    ),
    Case(
        ("mode collapse",),
        "GAN whose generator shows nearly one point",
        "trained on the ring, 12 epochs",
        lambda s: c.game(m.shrunk(s), s),
        lambda s: c.game(m.gan(s), s),
    ),
    Case(
        ("vanishing gradient",),
        "minimax GAN, D trained against a G that is far off",
        "trained on the ring, 12 epochs",
        lambda s: c.game(m.beaten(s), s),
        lambda s: c.game(m.gan(s), s),
    ),
    Case(
        ("discriminator",),
        "too strong: D trained against a G that is far off",
        "trained on the ring, 12 epochs",
        lambda s: c.game(m.beaten(s), s),
        lambda s: c.game(m.gan(s), s),
    ),
    Case(
        ("discriminator",),
        "too weak: D gives the same score to all, G untrained",
        "trained on the ring, 12 epochs",
        lambda s: c.game(m.blind(s), s),
        lambda s: c.game(m.gan(s), s),
    ),
    Case(
        ("dead hidden units",),
        "VAE with 43 of 64 rectifiers of a layer off",
        "the same, all on",
        lambda s: c.watched(s, True),
        lambda s: c.watched(s, False),
    ),
    Case(
        ("mixing of chains",),
        "RBM with two modes, couplings of 1",
        "couplings of 0.1",
        lambda s: c.stepped(1.0, s),
        lambda s: c.stepped(0.1, s),
    ),
    Case(
        ("blurry decoder",),
        "VAE of grey digits with scale=1",
        "with a learned scale",
        lambda s: c.widths(1.0, s),
        lambda s: c.widths(None, s),
    ),
    Case(
        ("lost columns",),
        "draws rows of a table's truth, one column always at its mean",
        "draws fresh rows of the truth",
        lambda s: c.of_table(s, c.with_constant),
        lambda s: c.of_table(s),
    ),
    Case(
        ("lost dependences",),
        "draws each column of a table by itself",
        "draws fresh rows of the truth",
        lambda s: c.of_table(s, c.each_by_itself),
        lambda s: c.of_table(s),
    ),
    Case(
        ("lost classes",),
        "draws rows of a table's truth, never a class of 5 % of the rows",
        "draws fresh rows of the truth",
        lambda s: c.of_table(s, c.without_class),
        lambda s: c.of_table(s),
    ),
    Case(
        ("ignored source",),
        "sampler of pairs that draws x whatever the source is",
        "draws x given the source, which tells 36 %",
        lambda s: pairs.translations(s, slope=0.0, scale=1.0),
        lambda s: pairs.translations(s),
    ),
    Case(
        ("ignored noise",),
        "sampler of pairs that draws noise and answers with the mean",
        "draws x given the source and the noise",
        lambda s: pairs.translations(s, spread=0.0),
        lambda s: pairs.translations(s),
    ),
)


def severities(case: Case, evidence: Evidence) -> str:
    """Returns the worst severity of the check's findings, or `nothing`."""
    found = [f.severity for f in diagnose(evidence) if f.name in case.check]
    return found[0] if found else "nothing"


def measured(case: Case) -> dict[str, Any]:
    """Returns the severities for all seeds."""
    began = time.perf_counter()
    row = {
        "check": case.check[0],
        "sick": case.ill,
        "healthy": case.well,
        "found": [severities(case, case.sick(seed)) for seed in SEEDS],
        "said of the healthy": [severities(case, case.healthy(seed)) for seed in SEEDS],
    }
    row["seconds"] = round(time.perf_counter() - began, 1)
    print(row, flush=True)
    return row


def table(record: dict[str, Any]) -> str:
    """Returns the record as Markdown."""
    lines = ["| check | made sick | hits | healthy | false alarms |", "|---|---|---|---|---|"]
    for row in record["rows"]:
        hits, alarms = (_count(row[name]) for name in ("found", "said of the healthy"))
        lines.append(f"| {row['check']} | {row['sick']} | {hits} | {row['healthy']} | {alarms} |")
    return "\n".join(lines)


def _count(severities: list[str]) -> str:
    """Counts warnings and notes among the seeds."""
    n = len(severities)
    warned, noted = severities.count("warning"), severities.count("note")
    return f"{warned + noted} of {n}" + (f" ({noted} {'note' if noted == 1 else 'notes'})" if noted else "")


def write(record: dict[str, Any]) -> None:
    """Writes the table into the page, between its markers."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(record)}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measures and writes, or only writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="only write the table from the record")
    parser.add_argument("--only", help="measure only this check and write nothing")
    asked = parser.parse_args()
    logging.getLogger("simulacra").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    if asked.only:
        for case in CASES:
            if case.check[0] == asked.only:
                measured(case)
        return
    if not asked.write:
        rows = [measured(case) for case in CASES]
        RECORD.write_text(json.dumps({"seeds": len(SEEDS), "rows": rows}, indent=1) + "\n", encoding="utf-8")
    write(json.loads(RECORD.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
