"""Evaluation: typed scores of trained models, comparisons, and the doctor, which diagnoses failures."""

from simulacra.core.errors.finding import Finding
from simulacra.evaluation.compare.comparison import Compared, compare
from simulacra.evaluation.doctor.diagnose import findings
from simulacra.evaluation.evaluate import evaluate
from simulacra.evaluation.latents.codes import active_units, aggregate_kl
from simulacra.evaluation.latents.fidelity import fidelity
from simulacra.evaluation.likelihood.annealing import Annealing, Bracket, bracket
from simulacra.evaluation.likelihood.held_out import likelihood
from simulacra.evaluation.likelihood.parzen import parzen
from simulacra.evaluation.report import Report, read_report
from simulacra.evaluation.samples.coverage import precision_recall_density_coverage
from simulacra.evaluation.samples.distances import frechet_distance, inception_score, kernel_distance
from simulacra.evaluation.samples.extractor import Extractor, extractor_for
from simulacra.evaluation.samples.implicit import sample_scores
from simulacra.evaluation.samples.memorization import memorization
from simulacra.evaluation.samples.mmd import mmd
from simulacra.evaluation.samples.nearest import nearest
from simulacra.evaluation.tables.report import table_report
from simulacra.evaluation.tasks.downstream import train_on_samples
from simulacra.evaluation.tasks.few_labels import few_labels

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
    "memorization",
    "mmd",
    "nearest",
    "parzen",
    "precision_recall_density_coverage",
    "read_report",
    "sample_scores",
    "table_report",
    "train_on_samples",
]
