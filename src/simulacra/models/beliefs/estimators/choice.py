"""Estimators of the gradient, by name: the updates of a belief net."""

from __future__ import annotations

from functools import partial
from typing import Literal

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.gradients import Baseline
from simulacra.core.optimizers import Adam
from simulacra.core.updates import Update
from simulacra.models.beliefs.estimators.reinforce import follow, with_baseline, with_others
from simulacra.models.beliefs.estimators.straight import through_draws
from simulacra.models.beliefs.estimators.wake_sleep import recognition, wake
from simulacra.nets.mlp import mlp

Estimator = Literal["rws", "wake-sleep", "nvil", "score-function", "leave-one-out", "straight-through"]
Phi = Literal["both", "wake", "sleep"]
ESTIMATORS = ("rws", "wake-sleep", "nvil", "score-function", "leave-one-out", "straight-through")
WAKES = {"both": 0.5, "wake": 1.0, "sleep": 0.0}
GENERATIVE, RECOGNITION = ("p.", "x_given."), ("q.",)
ADAM = Adam(lr=3e-3)  # linear layers learn slowly at the usual rate
UNITS = 100  # hidden units of NVIL's baseline, as in the paper


def updates_of(estimator: Estimator, k: int, phi: Phi = "both") -> list[Update]:
    """Returns the updates of an estimator: two for wake-sleep and its reweighted form, one for the others.

    Args:
        estimator: name of the estimator.
        k: draws of h for each row.
        phi: phases of `rws` that move q: `wake`, `sleep` or `both`, each with weight 1/2.
    """
    if estimator in ("rws", "wake-sleep"):
        reweighted = estimator == "rws"
        p = partial(wake, k=k, reweighted=reweighted)
        q = partial(recognition, k=k, wakes=WAKES[phi] if reweighted else 0.0)
        return [Update("wake", GENERATIVE, p, optimizer=ADAM), Update("phi", RECOGNITION, q, optimizer=ADAM)]
    if estimator in ("nvil", "score-function"):
        loss = partial(with_baseline, k=k)
        return [Update("reinforce", ("",), loss, after=follow, optimizer=ADAM)]
    other = with_others if estimator == "leave-one-out" else through_draws
    return [Update("bound", ("",), partial(other, k=k), optimizer=ADAM)]


def baseline_for(estimator: Estimator, inputs: int) -> Baseline | None:
    """Returns the baseline that an estimator needs, or None.

    Args:
        estimator: name of the estimator.
        inputs: number of features that the network of NVIL's baseline reads.
    """
    if estimator == "nvil":
        return Baseline(mlp([inputs, UNITS, 1], "tanh"))
    return Baseline(scaled=False) if estimator == "score-function" else None


def check_estimator(estimator: str, k: int, phi: str, recognition: str) -> None:
    """Raises ValueError if an option is unknown, or options do not fit each other.

    Args:
        estimator: name of the estimator.
        k: draws of h for each row.
        phi: phases of `rws` that move q.
        recognition: kind of the layers of q.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(
            f"estimator is {estimator!r}, but estimators are {', '.join(map(repr, ESTIMATORS))}."
        )
    if phi not in WAKES:
        raise ValueError(f"phi is {phi!r}, but q learns in {', '.join(map(repr, WAKES))}.")
    least = 2 if estimator == "leave-one-out" else 1
    if k < least:
        more = build_with(k=5)
        raise Refusal(
            f"k is {k}, but the estimator {estimator!r} needs {least} draws or more: take {more}.", more
        )
    if estimator == "straight-through" and recognition != "sbn":
        apart = build_with(recognition="sbn")
        raise Refusal(
            f"recognition is {recognition!r}, but straight-through needs independent units: take {apart}.",
            apart,
        )
