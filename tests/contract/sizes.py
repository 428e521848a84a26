"""Sizes of the models of the cases: a step of each takes milliseconds."""

from pathlib import Path
from typing import Any

SMALL = {"hidden": (13,), "latent": 3}
GAME = SMALL | {"normalization": "none"}
TWO = {"hidden": (13, 7), "latent": 3}
CHAIN_NETS: dict[str, Any] = {"hidden": (13,), "between": (7,)}
CHAIN = CHAIN_NETS | {"latents": (5, 3)}
READER = {"latent": 3, "hidden": 7, "width": 5}
QUANTIZED = {"codebook": 7, "latent": 3, "prior_layers": 1, "prior_heads": 1, "prior_width": 6}
PLAIN = {"network": "mlp", "normalization": "none"}
CURES = {"gradient_penalty": 1.0, "clip": 0.5, "historical_averaging": 0.1} | {"flips": 0.1, "noise": 0.1}
RESIDUAL = {"network": "residual", "channels": 3, "latent": 3}
RECURRENT = {"network": "recurrent", "latent": 2, "channels": 3}
VIRTUAL = {"normalization": "virtual", "critic_normalization": "virtual"}
TEACHER = str(Path(__file__).with_name("teacher.safetensors"))  # flow matching of `real(3)`, trained a little
PAIRS: dict[str, Any] = {"objective": "least-squares", "normalization": "layer"}
MOVES = {"hidden": (5,), "leapfrog": 2, "burn_in": 5}
FEW = {"labels": 6, "latent": 3, "hidden": (13, 7), "generator_hidden": (11,), "labelled_batch": 5}
CAPTIONS = {"latent": 3, "embedding": 5, "hidden": 4, "short": 2, "channels": 2, "matching_epochs": 1}
