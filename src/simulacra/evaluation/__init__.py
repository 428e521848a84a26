"""Evaluation: scores that say what they are, and the doctor who reads them."""

from simulacra.evaluation.annealing import Annealing, Bracket, bracket
from simulacra.evaluation.compare import Ranking, compare
from simulacra.evaluation.doctor import Finding, findings
from simulacra.evaluation.latents import active_units, aggregate_kl
from simulacra.evaluation.likelihood import likelihood
from simulacra.evaluation.memorisation import memorisation, nearest
from simulacra.evaluation.report import Report, evaluate, read_report
from simulacra.evaluation.samples import mmd

__all__ = [
    "Annealing",
    "Bracket",
    "Finding",
    "Ranking",
    "Report",
    "active_units",
    "aggregate_kl",
    "bracket",
    "compare",
    "evaluate",
    "findings",
    "likelihood",
    "memorisation",
    "mmd",
    "nearest",
    "read_report",
]
