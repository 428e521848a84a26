"""Evaluation: scores that say what they are, and the doctor who reads them."""

from simulacra.core.finding import Finding
from simulacra.evaluation.annealing import Annealing, Bracket, bracket
from simulacra.evaluation.compare import Compared, compare
from simulacra.evaluation.coverage import precision_recall_density_coverage
from simulacra.evaluation.distances import frechet_distance, inception_score, kernel_distance
from simulacra.evaluation.doctor import findings
from simulacra.evaluation.downstream import train_on_samples
from simulacra.evaluation.extractor import Extractor, extractor_for
from simulacra.evaluation.fewlabels import few_labels
from simulacra.evaluation.fidelity import fidelity
from simulacra.evaluation.implicit import sample_scores
from simulacra.evaluation.latents import active_units, aggregate_kl
from simulacra.evaluation.likelihood import likelihood
from simulacra.evaluation.memorisation import memorisation
from simulacra.evaluation.nearest import nearest
from simulacra.evaluation.parzen import parzen
from simulacra.evaluation.report import Report, read_report
from simulacra.evaluation.samples import mmd
from simulacra.evaluation.scoring import evaluate
from simulacra.evaluation.table_report import table_report

__all__ = [
    "Annealing",
    "Bracket",
    "Compared",
    "Extractor",
    "Finding",
    "Report",
    "active_units",
    "aggregate_kl",
    "bracket",
    "compare",
    "evaluate",
    "extractor_for",
    "few_labels",
    "fidelity",
    "findings",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "likelihood",
    "memorisation",
    "mmd",
    "nearest",
    "parzen",
    "precision_recall_density_coverage",
    "read_report",
    "sample_scores",
    "table_report",
    "train_on_samples",
]
