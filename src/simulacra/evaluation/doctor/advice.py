"""Advice that fits the case: options that this model, these data and this training have.

A way out is a sentence, or an option of the command line. Options that the model does not take are left
out, so that whoever types what a finding says gets a run and no error.
"""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from simulacra.core.capabilities import general as can
from simulacra.core.errors.suggestion import typed
from simulacra.core.model import SEED, Model
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Levels
from simulacra.data.dataset import Dataset

Of = Literal["model", "train", "data", "evaluate"]
LONGER = "more epochs"  # advice for what is trained by steps
SHORT = 300  # steps of training below which a model may not have begun to learn


@dataclass(frozen=True)
class Option:
    """An option to try.

    Args:
        name: such as `kl_warmup`.
        value: such as 0.5.
        why: what it does, or nothing.
        of: whose option it is: the model's, of training, of loading the data, or of `evaluate`.
    """

    name: str
    value: Any
    why: str = ""
    of: Of = "model"

    @property
    def said(self) -> str:
        """As it stands in a sentence, in Python."""
        value = f"{self.value:,}" if isinstance(self.value, int) and self.value >= 1000 else repr(self.value)
        return " ".join(filter(None, (f"{self.name}={value}", self.why)))

    @property
    def typed(self) -> str:
        """As it is typed, such as `--model.kl_warmup 0.5`."""
        before = f"{self.of}." if self.of in ("model", "data") else ""
        return f"--{before}{self.name} {shlex.quote(typed(self.value))}"


@dataclass(frozen=True)
class Setting:
    """What advice goes by; the rest is unknown, and then nothing is ruled out.

    Args:
        takes: names of the arguments that the model's class takes, or None.
        steps: of training so far, or None.
        levels: whether models see levels over which noise can be spread, or None.
        columns: whether the raw data are a table.
        stepwise: whether training takes steps, or solves in closed form.
        validated: whether there is a validation score that training can stop by.
    """

    takes: frozenset[str] | None = None
    steps: int | None = None
    levels: bool | None = None
    columns: bool = False
    stepwise: bool = True
    validated: bool = True

    @property
    def young(self) -> bool:
        """Returns True if training was so short that more of it comes before anything else."""
        return self.steps is not None and self.steps < SHORT

    def allows(self, option: Option) -> bool:
        """Returns True if the option exists here."""
        if option.of == "model":
            return self.takes is None or option.name in self.takes
        if option.name == "patience":
            return self.validated and self.stepwise
        return option.name != "dequantize" or self.levels is not False

    def ways(self, *ways: str | Option, learned: bool = True) -> tuple[str, tuple[str, ...]]:
        """The ways out that exist here as one phrase, and the options among them as they are typed.

        Args:
            learned: whether a longer training may be all that it needs: after a short one it is the advice.

        Example:
            >>> both = Option("kl_warmup", 0.5), Option("latent", 4)
            >>> Setting(frozenset({"latent"})).ways(*both, "more data")
            ('latent=4 or more data', ('--model.latent 4',))
            >>> Setting(steps=2).ways("a weaker decoder")
            ('more epochs, since it was trained for 2 steps', ())
        """
        if learned and self.young:
            return f"more epochs, since it was trained for {self.steps} step{'s' * (self.steps != 1)}", ()
        kept = [way for way in ways if self._open(way)]
        said = [way if isinstance(way, str) else way.said for way in kept]
        return listed(said), tuple(way.typed for way in kept if isinstance(way, Option))

    def _open(self, way: str | Option) -> bool:
        """Returns True if a way out is one here."""
        if isinstance(way, str):
            return self.stepwise or not way.startswith(LONGER)
        return self.allows(way)


def listed(said: Sequence[str]) -> str:
    """Phrases in one, such as `a, b or c`.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b or c'
    """
    return ", ".join(said[:-1]) + (" or " if said[:-1] else "") + (said[-1] if said else "")


def setting_of(model: Model, data: Dataset | None, metrics: Sequence[Any] = ()) -> Setting:
    """The case of a model on data.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = setting_of(simulacra.GAN(data.space), data)
        >>> "minibatch_kernels" in found.takes, "kl_warmup" in found.takes, found.levels
        (True, False, False)
    """
    raw = None if data is None else data.preprocessing.raw
    levels = None if data is None else isinstance(raw, Levels) and isinstance(data.space, Levels)
    scored = any(map(model.supports, (can.HasDensity, can.HasBound)))
    validated = scored and (data is None or data.valid is not None)
    steps, table = _steps(metrics), isinstance(raw, Table)
    return Setting(arguments_of(type(model)), steps, levels, table, takes_steps(model), validated)


def takes_steps(model: Model) -> bool:
    """Returns True if a model is trained by updates, not by a closed form.

    Example:
        >>> import simulacra
        >>> space = simulacra.Real((3,))
        >>> takes_steps(simulacra.PPCA(space, latent=1)), takes_steps(simulacra.VAE(space, latent=1))
        (False, True)
    """
    try:
        stage = model.stage(0, [])
    except NotImplementedError:
        # a class that is only drawn from or scored says nothing of training
        return False
    return stage is None or bool(stage.updates)


def arguments_of(kind: type) -> frozenset[str]:
    """Names of the options that a class takes, those that it hands on to its bases among them."""
    names: set[str] = set()
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return frozenset(names - {"self", "space", "condition", SEED.name})


def _steps(metrics: Sequence[Any]) -> int | None:
    """Of the last row of the metrics."""
    said = metrics[-1].get("total_step") if metrics else None
    try:
        return int(float(said)) if said else None
    except ValueError:
        return None
