"""Exploration: codes of a model, pictures as data, and pictures while a model trains.

Every picture is a `Picture` of arrays, names, axes and scales; `rendering` draws it with matplotlib.
"""

from simulacra.core.capabilities.representation import features_of
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.views import view, view_data, view_of
from simulacra.exploration.frames.rollout import rolled_out
from simulacra.exploration.latent.arithmetic import analogy, apply, attribute_vector
from simulacra.exploration.latent.embedding import Embedding, embed, knn_accuracy
from simulacra.exploration.latent.film import along, film, save_film
from simulacra.exploration.latent.interpolation import interpolations, lerp, slerp
from simulacra.exploration.latent.inversion import Inversion, codes_of, invert
from simulacra.exploration.latent.linear_probe import Probe, linear_probe
from simulacra.exploration.latent.manifold import Plane, latent_grid, manifold, principal_plane
from simulacra.exploration.latent.optimization import Optimum, optimize
from simulacra.exploration.latent.smoothness import Smoothness, smoothness
from simulacra.exploration.pictures.completion import completions, known_part
from simulacra.exploration.pictures.registry import pictures
from simulacra.exploration.pictures.saliency import saliency

__all__ = [
    "Embedding",
    "Inversion",
    "Optimum",
    "Picture",
    "Plane",
    "Probe",
    "Smoothness",
    "along",
    "analogy",
    "apply",
    "attribute_vector",
    "codes_of",
    "completions",
    "embed",
    "features_of",
    "film",
    "interpolations",
    "invert",
    "knn_accuracy",
    "known_part",
    "latent_grid",
    "lerp",
    "linear_probe",
    "manifold",
    "optimize",
    "pictures",
    "principal_plane",
    "rolled_out",
    "saliency",
    "save_film",
    "slerp",
    "smoothness",
    "view",
    "view_data",
    "view_of",
]
