"""Finds weights that are not finite or far too large, and layers that training did not change.

Initial weights follow from the constructor and its seed: a layer is at its initialization if its weights are
those of the same model made anew. Where networks were passed to the constructor, it is judged by its largest
weight. A layer of torch with m inputs and k outputs begins with weights uniform in [-b, b], b^2 = 1/m, or
6/(m + k) in tanh networks. The first steps of training move some of many weights outside: a layer with

    b (1 - 7 / n) <= max |w| <= b,      n weights, and biases within 1/sqrt(m)                          (1)

is still at its initialization. The factor by which a layer scales its input,

    gain = sqrt(m) rms(w)                                                                               (2)

is of order 1 in a healthy network.

Reference: Glorot and Bengio 2010; He et al. 2015.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simulacra.core.model import Model
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import chosen, points

SCALED = 200  # training rows from which the scale of the data is estimated
FEWEST = 128  # in layers with fewer weights, equation (1) may hold by chance
MARGIN = 7.0  # the 7 of equation (1): the largest of n uniform weights is smaller with probability e^-7
LAYERS = (
    *(nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)


@dataclass(frozen=True)
class Weights:
    """Statistics of a model's weights.

    Args:
        broken: names of parameters that are not finite.
        largest: name of the matrix with the largest gain, equation (2).
        gain: its gain.
        still: names of layers at their initialization, if other layers moved.
        layers: number of layers with at least 128 weights.
        scale: root mean square of the features of the data, which permits larger weights.
    """

    broken: tuple[str, ...]
    largest: str
    gain: float
    still: tuple[str, ...]
    layers: int
    scale: float = 1.0


def weights_of(model: Model, scale: float = 1.0) -> Weights | None:
    """Returns statistics of a model's weights; None if it has none.

    Args:
        model: trained model.
        scale: root mean square of the features of the data.

    Example:
        >>> import simulacra
        >>> found = weights_of(simulacra.VAE(simulacra.Real((5,)), latent=2))
        >>> found.broken, found.still, 0 < found.gain < 10
        ((), (), True)
    """
    named = [
        (name, p.detach()) for name, p in model.named_parameters() if p.is_floating_point() and p.numel()
    ]
    if not named:
        return None
    broken = tuple(name for name, p in named if not bool(p.isfinite().all()))
    gains = [(_gain(p), name) for name, p in named if p.dim() > 1 and name not in broken]
    gain, largest = max(gains, default=(0.0, ""))
    told, initial = list(_large_layers(model)), initial_of(model)
    still = tuple(name for name, layer in told if _unmoved(name, layer, initial))
    # if no layer moved, the model is untrained: no layer counts as frozen
    return Weights(broken, largest, gain, still if len(still) < len(told) else (), len(told), scale)


def scale_of(data: Dataset) -> float:
    """Returns the root mean square of the features of training rows, after preprocessing."""
    rows = data.train.rows(chosen(data.train, SCALED))
    x = points(data.preprocessing, rows.x).double().nan_to_num(0.0)
    return float(x.square().mean().sqrt())


def _gain(p: Tensor) -> float:
    """Returns equation (2) for a weight of shape (outputs, inputs, *)."""
    return float(p.double().square().mean().sqrt()) * math.sqrt(p[0].numel())


def _large_layers(model: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    """Yields name and module of each layer with at least `FEWEST` weights."""
    for name, module in model.named_modules():
        if isinstance(module, LAYERS) and module.weight.numel() >= FEWEST:
            yield name, module  # type: ignore[misc]


def initial_of(model: Model) -> dict[str, Tensor] | None:
    """Returns the weights of a model at its initialization by name, or None if they cannot be made anew.

    Args:
        model: trained model.

    Example:
        >>> import simulacra
        >>> model = simulacra.VAE(simulacra.Real((5,)), latent=2)
        >>> all(torch.equal(p, initial_of(model)[name]) for name, p in model.named_parameters())
        True
    """
    arguments = vars(model).get("arguments")
    if arguments is None or arguments.get("seed", 0) is None or any(map(_has_network, arguments.values())):
        return None
    try:
        return dict(type(model)(**arguments).named_parameters())
    except (TypeError, ValueError, OSError):
        return None  # a file that its constructor reads, or arguments that it changed


def _has_network(value: object) -> bool:
    """Returns True if an argument is a network, or anything else that has a state of its own."""
    if isinstance(value, dict):
        return any(map(_has_network, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_network, value))
    return isinstance(value, nn.Module | Tensor) or (callable(value) and not isinstance(value, type | Space))


def _unmoved(name: str, layer: nn.Linear, initial: dict[str, Tensor] | None) -> bool:
    """Returns True if a layer has its initial weights, or, where these are unknown, if equation (1) holds."""
    made = None if initial is None else initial.get(f"{name}.weight")
    if made is None or made.shape != layer.weight.shape:
        return as_made(layer.weight, layer.bias)
    return bool((layer.weight.detach() == made.to(layer.weight)).all())


def as_made(weight: Tensor, bias: Tensor | None) -> bool:
    """Returns True if equation (1) holds for a layer, which is then at its initialization.

    Args:
        weight: weights of shape (outputs, inputs, *).
        bias: biases of shape (outputs,), or None.

    Example:
        >>> layer = nn.Linear(20, 30)
        >>> as_made(layer.weight, layer.bias), as_made(layer.weight + 0.01, layer.bias)
        (True, False)
    """
    inputs, outputs = nn.init._calculate_fan_in_and_fan_out(weight)
    largest, n = float(weight.detach().abs().max()), weight.numel()
    bounds = (1 / math.sqrt(inputs), math.sqrt(6 / (inputs + outputs)))
    near = [b for b in bounds if b * (1 - MARGIN / n) <= largest <= b * (1 + 1e-6)]
    of_bias = 0.0 if bias is None else float(bias.detach().abs().max())
    return (
        bool(near) and of_bias <= (1 + 1e-6) / math.sqrt(inputs) and _maybe_uniform(weight.detach(), largest)
    )


def _maybe_uniform(weight: Tensor, b: float) -> bool:
    """Returns True if the variance of the weights is that of a uniform law on [-b, b], within five errors."""
    n = weight.numel()
    # the mean of w^2 over n uniform weights has variance 4 b^4 / (45 n)
    apart = abs(float(torch.mean(weight.double() ** 2)) - b * b / 3)
    return apart <= 5 * b * b * math.sqrt(4 / (45 * n))
