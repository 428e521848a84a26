"""Exploration: walk among the codes of a model and look at what it draws."""

from simulacra.core.representation import features_of
from simulacra.exploration.arithmetic import analogy, apply, attribute_vector
from simulacra.exploration.completion import completions, known_part
from simulacra.exploration.embedding import Embedding, embed, knn_accuracy
from simulacra.exploration.interpolate import interpolations, lerp, slerp
from simulacra.exploration.inversion import Inversion, codes_of, invert
from simulacra.exploration.manifold import Plane, latent_grid, manifold, principal_plane
from simulacra.exploration.pictures import pictures
from simulacra.exploration.representation import Probe, linear_probe
from simulacra.exploration.saliency import saliency
from simulacra.exploration.smoothness import Smoothness, smoothness
from simulacra.exploration.views import view, view_of

__all__ = [
    "Embedding",
    "Inversion",
    "Plane",
    "Probe",
    "Smoothness",
    "analogy",
    "apply",
    "attribute_vector",
    "codes_of",
    "completions",
    "embed",
    "features_of",
    "interpolations",
    "invert",
    "knn_accuracy",
    "known_part",
    "latent_grid",
    "lerp",
    "linear_probe",
    "manifold",
    "pictures",
    "principal_plane",
    "saliency",
    "slerp",
    "smoothness",
    "view",
    "view_of",
]
