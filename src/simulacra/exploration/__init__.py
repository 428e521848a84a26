"""Exploration: walk among the codes of a model and look at what it draws."""

from simulacra.exploration.arithmetic import apply, attribute_vector
from simulacra.exploration.completion import completions, known_part
from simulacra.exploration.embedding import Embedding, embed, knn_accuracy
from simulacra.exploration.interpolate import interpolations, lerp, slerp
from simulacra.exploration.manifold import Plane, latent_grid, manifold, principal_plane
from simulacra.exploration.pictures import pictures
from simulacra.exploration.views import view, view_of

__all__ = [
    "Embedding",
    "Plane",
    "apply",
    "attribute_vector",
    "completions",
    "embed",
    "interpolations",
    "knn_accuracy",
    "known_part",
    "latent_grid",
    "lerp",
    "manifold",
    "pictures",
    "principal_plane",
    "slerp",
    "view",
    "view_of",
]
