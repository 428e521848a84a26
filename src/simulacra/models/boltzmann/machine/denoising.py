"""Denoising by a Boltzmann machine: mean field in the posterior of the clean units given the noisy ones.

    p(v, h | x~) ~ exp(-E(v, h)) m(v, h) C(x~ | v)                                                  (1)

The noise C changes each visible unit by itself. Binary units are replaced by 0 or 1, each with probability
p / 2 (salt and pepper of level p); Gaussian noise of deviation s is added to real ones:

    log C(x~_i | v_i) = n_i v_i + const,             n_i = (2 x~_i - 1) log((1 - p/2) / (p/2))      (2)
    log C(x~_i | v_i) = n_i v_i - v_i^2 / 2 s^2 + const,   n_i = x~_i / s^2                         (3)

so (1) is the machine with n added to the field on v. The answer of least squared error is E[v | x~]. Mean
field gives that of the factorized law q(v) q(h) which maximizes

    E_q[-E(v, h) + log C(x~ | v)] + H(q) = log sum_vh exp(-E) m C - KL(q || p(v, h | x~))           (4)

by updates of one block of layers at a time, which never lower it: a local maximum, begun at x~. It is exact
where the posterior factorizes, as without weights, and it approaches x~ as the noise vanishes.

Reference: Cho 2013 (which takes E[v | h] at the means of h given x~, without a model of the noise). Row D8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from simulacra.core.capabilities.mappings import Denoises
from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.noise import GaussianNoise, SaltAndPepper
from simulacra.core.random.keyed import Rng
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.units import Gaussian, Units

UPDATES = 30  # of every layer


@dataclass(frozen=True)
class Noise:
    """Evidence that noisy units give on the clean ones, equations (2) and (3).

    Args:
        field: n, added to the field on v, shape (B, units).
        precision: 1 / s^2 of Gaussian noise, added to that of the units; 0 for binary units.
    """

    field: Tensor
    precision: float = 0.0

    def mean(self, units: Units, field: Tensor) -> Tensor:
        """Returns E[v] of units with the field f of the other layers, shape (B, units).

        Args:
            units: kind of the units.
            field: f, shape (B, units).
        """
        mean = units.mean(field + self.field)
        return mean / (1 + units.scale**2 * self.precision) if isinstance(units, Gaussian) else mean


class Denoiser(Machine, Denoises):
    """Abstract machine that denoises by equation (4); see `Machine` for its arguments.

    Constructors of its subclasses set `corruption = noise_of(units of v)`.
    """

    def clean(self, x: Tensor, rng: Rng, c: Tensor | None = None, level: float | None = None) -> Tensor:
        """Returns the means of v under q of equation (4), shape (B, *): probabilities for binary units.

        Args:
            x: noisy observations x~, shape (B, *).
            rng: not used.
            c: conditions, shape (B, *), or None.
            level: p of (2) or s of (3); None: the usual one of the noise, 0.2 or 0.1.

        Raises:
            ValueError: if the level is outside its range.
        """
        assert self.corruption is not None
        v = self.visible(x)
        level = self.corruption.level if level is None else level
        assert level is not None
        check_level(self.corruption, level)
        if level == 0:
            return self.observed(v)
        return self.observed(self.denoising_means(v, noise_in(self.units["v"], v, level), c)["v"])

    def first_means(self, v: Tensor, c: Tensor | None = None) -> Layers:
        """Returns the initial means: v, and those of other layers that the first block update reads.

        Args:
            v: noisy visible units, shape (B, units).
            c: conditions, shape (B, *), or None.
        """
        return {"v": v}

    def denoising_means(
        self, v: Tensor, noise: Noise, c: Tensor | None = None, updates: int = UPDATES
    ) -> Layers:
        """Returns the means of all layers under q of equation (4), each of shape (B, units).

        Args:
            v: noisy visible units, shape (B, units).
            noise: evidence that they give on the clean ones.
            c: conditions, shape (B, *), or None.
            updates: number of updates of every layer.
        """
        q = self.first_means(v, c)
        for _ in range(updates):
            for name in (name for block in self.blocks for name in block):
                field, units = self.field(name, q, c), self.units[name]
                # (4)
                q = {**q, name: noise.mean(units, field) if name == "v" else units.mean(field)}
        return q


def noise_in(units: Units, v: Tensor, level: float) -> Noise:
    """Returns n of equations (2) and (3).

    Args:
        units: kind of the visible units.
        v: noisy visible units, shape (B, units).
        level: p or s, above 0.

    Example:
        >>> import torch
        >>> from simulacra.models.boltzmann.machine.units import Bernoulli
        >>> noise_in(Bernoulli(), torch.tensor([[0.0, 1.0]]), 0.5).field.exp()
        tensor([[0.3333, 3.0000]])
    """
    if isinstance(units, Gaussian):
        # (3)
        return Noise(v / level**2, level**-2)
    # (2)
    return Noise((2 * v - 1) * math.log((1 - level / 2) / (level / 2)))


def noise_of(units: Units) -> Corruption:
    """Returns the noise that visible units have a model of, at its usual level.

    Args:
        units: kind of the visible units.
    """
    return GaussianNoise() if isinstance(units, Gaussian) else SaltAndPepper()


def check_level(noise: Corruption, level: float) -> None:
    """Raises ValueError if a level of noise is not possible; 0 is.

    Args:
        noise: the noise.
        level: its level.
    """
    if level != 0 and not noise.in_range(level):
        raise ValueError(
            f"level is {level:g}, but that of {noise.name!r} is {noise.unit}, or 0: give {noise.usual:g}."
        )
