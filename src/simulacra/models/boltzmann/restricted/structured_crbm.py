"""A conditional RBM of structured outputs: many outputs of 0 and 1 given an input, such as clean given noisy.

    E(y, h|u) = -(b + A u)'y - (c + B u)'h - y'W h                                                    (1)
    F(y|u) = -(b + A u)'y - sum_j softplus(c_j + (B u + W'y)_j),   p(y|u) = exp(-F(y|u)) / Z(u)       (2)

Without hidden units it is a logistic regression of each output. W lets the outputs depend on each other.

The input reaches the outputs by A directly. Contrastive divergence begins at the data, whose outputs already
agree, and never meets what the machine says when it begins from the input. `estimator` chooses another loss
(`structured_losses`): `percloss` and `candidates` look for wrong outputs that the machine finds likely, and
`mean-field` contrasts y with the law of the machine's own answer.

The answer to an input is y_i = 1 where mean field says so with more than 1/2, or, of a machine that was
trained on candidates, the candidate of least F. Samples are drawn by Gibbs sweeps.

Reference: Mnih, Larochelle and Hinton 2011. Row A20.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.core.capabilities.mappings import Denoises
from simulacra.core.capabilities.paired import AnswersPairs
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.machine.units import Bernoulli
from simulacra.models.boltzmann.restricted.bipartite import Restricted, biases_from_data
from simulacra.models.boltzmann.restricted.given_input import GivenInput
from simulacra.models.boltzmann.restricted.output_memory import OutputMemory, remember
from simulacra.models.boltzmann.restricted.structured_losses import LOSSES

Estimator = Literal["percloss", "candidates", "mean-field", "cd", "exact"]
SWEEPS = {"percloss": 10, "cd": 1}  # of each estimator unless the user says otherwise; others: 0


class StructuredCRBM(Restricted, AnswersPairs):
    """Conditional restricted Boltzmann machine of many binary outputs.

    Its conditional density is exact if the smaller layer has few units, as that of an `RBM` with a condition.

    Args:
        space: a `Binary` space, that of the outputs y.
        condition: space of the inputs u, such as noisy images.
        hidden: number of hidden units.
        estimator: `percloss` (the lowest state that a chain from the input visits), `candidates` (outputs of
            training rows with nearly the same hash), `mean-field`, `cd` (a chain from the data) or `exact`.
        gibbs_steps: sweeps of a chain; None: 10 for `percloss`, 1 for `cd`, 0 for `candidates`.
        margin: m of the loss of `percloss`: nats that each wrong entry has to cost; 0: none, as in the paper.
        candidates: number of candidates of an input.
        bits: bits of the hash.
        memory: number of training rows whose outputs are candidates.
        mean_field_steps: updates of the means for an answer, and for the loss of `mean-field`.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.

    Raises:
        ValueError: if the space is not binary, there is no condition, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> image = Binary((1, 4, 4))
        >>> model = StructuredCRBM(image, image, hidden=3)
        >>> model.translate(torch.zeros(2, 1, 4, 4)).shape
        torch.Size([2, 1, 4, 4])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: int = 64,
        estimator: Estimator = "percloss",
        gibbs_steps: int | None = None,
        margin: float = 1.0,
        candidates: int = 10,
        bits: int = 16,
        memory: int = 1000,
        mean_field_steps: int = 30,
        burn_in: int = 1000,
        lr: float = 0.05,
        momentum: float = 0.0,
        *,
        seed: int = 0,
    ):
        need_binary("a conditional RBM of outputs", space)
        need_input(condition)
        check_at_least(1, mean_field_steps=mean_field_steps, candidates=candidates, bits=bits)
        sweeps = sweeps_of(estimator, gibbs_steps)
        if margin < 0:
            raise ValueError(f"margin is {margin:g}, but it is a number of nats from 0: give 0.5.")
        if memory < candidates:
            raise ValueError(f"memory is {memory}, but it must hold the {candidates} candidates.")
        own = "exact" if estimator == "exact" else "cd"
        learning = Learning(own, max(1, sweeps), lr=lr, momentum=momentum)  # type: ignore[arg-type]
        super().__init__(space, Bernoulli(), 1.0, condition, hidden, learning, burn_in)
        # it answers a noisy input, and has no model of the noise on outputs
        self.remove(Denoises)
        self.estimator, self.sweeps, self.margin, self.mean_field_steps = (
            estimator,
            sweeps,
            float(margin),
            mean_field_steps,
        )
        assert condition is not None
        size = self.A.shape[1]
        rows = memory if estimator == "candidates" else 0
        self.memory = OutputMemory(size, space.dims, bits if rows else 0, rows, candidates if rows else 0)

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which initializes the biases, and the candidates, from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i:
            return None
        update = replace(self.learning.update(), loss=LOSSES[self.estimator])
        return Stage("train", [update], self.length, start=Initial(begin))

    # ---- answers

    def inputs(self, c: Tensor) -> Tensor:
        """Returns conditions as vectors u of (1), shape (B, entries).

        Args:
            c: conditions, shape (B, *).
        """
        assert self.condition is not None
        return self.condition.vectors(c, self.dtype)

    def given(self, c: Tensor) -> GivenInput:
        """Returns the machine with its inputs held fixed, one for each row.

        Args:
            c: conditions, shape (B, *).
        """
        return GivenInput(*self.biases(c), self.W)

    def means(self, c: Tensor) -> Tensor:
        """Returns the means of y under mean field of p(y, h|u), from E[y | h = 0, u], shape (B, *).

        Args:
            c: conditions, shape (B, *).
        """
        return self.observed(self.given(c).means(self.mean_field_steps)[0])

    def answer(self, c: Tensor, rng: Rng) -> Tensor:
        """Returns the answer to each input, of 0 and 1, shape (B, *).

        Args:
            c: conditions after their preprocessing, shape (B, *).
            rng: not used.
        """
        if self.estimator != "candidates":
            return (self.means(c) > 0.5).to(self.dtype)
        found = self.memory.candidates_of(self.inputs(c))
        best = self.given(c).free_energies(found).argmin(1)
        return self.observed(found[torch.arange(len(found), device=found.device), best])


def begin(model: StructuredCRBM, source: Source, rng: Rng) -> None:
    """Initializes the biases from the data, and stores the candidates.

    Args:
        model: the machine.
        source: the training split.
        rng: random numbers of the preprocessing and of the choice of rows.
    """
    biases_from_data(model, source, rng)
    if model.estimator == "candidates":
        remember(model, source, rng)


def sweeps_of(estimator: str, asked: int | None) -> int:
    """Returns the Gibbs sweeps of a chain.

    Args:
        estimator: name of the estimator.
        asked: number that the user gave, or None.

    Raises:
        ValueError: if the number is too small for the estimator.
    """
    if asked is None:
        return SWEEPS.get(estimator, 0)
    check_at_least(0 if estimator == "candidates" else 1, gibbs_steps=asked)
    return asked


def need_input(condition: Space | None) -> None:
    """Raises ValueError unless there is a condition.

    Args:
        condition: space of the condition, or None.
    """
    if condition is not None:
        return
    noisy, half = load_with(condition="salt:0.2"), load_with(condition="left")
    raise Refusal(
        "a conditional RBM of outputs needs the input of each row as its condition: load the data with "
        f"{noisy} (x with noise), or with {half} (the other half of each picture).",
        noisy,
        half,
    )
