"""Advice with options that the model, the data and the training have.

A remedy is a sentence, or an option of the command line. Options that the model does not take are omitted,
so that following the advice never ends in an error.
"""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.chains import stationary
from simulacra.core.errors.suggestion import typed
from simulacra.core.model import SEED, Model, defaults_of
from simulacra.core.size import takes_steps
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Levels
from simulacra.data.dataset import Dataset
from simulacra.evaluation.doctor.course import Course, Training, course_of

Of = Literal["model", "train", "data", "evaluate"]
LONGER = "more epochs"  # advice for models that are trained by gradient steps
LARGER, SMALLER = "a larger model", "a smaller model"  # advice for models whose size is an option
OTHER = "a model of another family, as this one is a closed form of one size"
# arguments that set the size of a model that is a closed form
SIZES = {"latent", "hidden", "components"}


@dataclass(frozen=True)
class Option:
    """An option to try.

    Args:
        name: such as `kl_warmup`.
        value: such as 0.5.
        why: effect of the option, or empty.
        of: owner of the option: the model, training, loading of the data, or `evaluate`.
        lower: True if smaller values go further, as of `clip`.
    """

    name: str
    value: Any
    why: str = ""
    of: Of = "model"
    lower: bool = False

    def reached(self, current: Any) -> bool:
        """Returns True if a value that is set already goes as far as the option.

        Args:
            current: the value that is set; None: none is.

        Example:
            >>> [Option("dropout", 0.2).reached(value) for value in (None, 0.1, 0.2, 0.5)]
            [False, False, True, True]
            >>> [Option("clip", 1.0, lower=True).reached(value) for value in (5.0, 0.5)]
            [False, True]
        """
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (self.value, current))
        if not numbers:
            return bool(current == self.value)
        return bool(current <= self.value if self.lower else current >= self.value)

    @property
    def said(self) -> str:
        """The option in Python, for a sentence."""
        value = f"{self.value:,}" if isinstance(self.value, int) and self.value >= 1000 else repr(self.value)
        return " ".join(filter(None, (f"{self.name}={value}", self.why)))

    @property
    def typed(self) -> str:
        """The option on the command line, such as `--model.kl_warmup 0.5`."""
        before = f"{self.of}." if self.of in ("model", "data") else ""
        return f"--{before}{self.name} {shlex.quote(typed(self.value))}"


@dataclass(frozen=True)
class Setting:
    """Facts on which advice depends; None means unknown and rules nothing out.

    Args:
        takes: names of the arguments of the model's class, or None.
        steps: number of training steps so far, or None.
        levels: True if the model sees levels that can be dequantized; None: unknown.
        columns: True if the raw data are a table.
        stepwise: True if training takes gradient steps, False for a closed form.
        validated: True if there is a validation score for early stopping.
        ends: True if the code is the way of a chain of finite length, whose steps may each say little.
        copies: True if samples are training rows by intention.
        given: values of options by their owner and name, such as `("model", "dropout")`.
        course: validation scores of the training.
        too_long: True if the model copies or overfits.
    """

    takes: frozenset[str] | None = None
    steps: int | None = None
    levels: bool | None = None
    columns: bool = False
    stepwise: bool = True
    validated: bool = True
    ends: bool = False
    copies: bool = False
    given: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    course: Course = field(default_factory=Course)
    too_long: bool = False

    @property
    def training(self) -> Training:
        """The length of training that is advised."""
        return Training(self.course, self.steps, self.too_long)

    @property
    def young(self) -> bool:
        """True if training was so short that the first advice is to train longer."""
        return self.stepwise and self.training.young

    @property
    def earlier(self) -> Option:
        """Patience that keeps the best weights and does not take the noise between epochs for the end."""
        return Option("patience", self.course.wait, "to keep the best weights", "train", lower=True)

    @property
    def one_size(self) -> bool:
        """True for a closed form without an argument that sets its size, such as `gaussian`."""
        return not self.stepwise and self.takes is not None and not self.takes & SIZES

    def allows(self, option: Option) -> bool:
        """Returns True if the option exists for this model and these data, and is not set already."""
        if option.reached(self.given.get((option.of, option.name))):
            return False
        if option.of == "model":
            return self.takes is None or option.name in self.takes
        if option.name == "patience":
            longer = self.training.length == "longer"
            # any patience keeps the best weights: a smaller one would end with the same
            kept = option.lower and self.given.get(("train", "patience")) is not None
            return self.validated and self.stepwise and longer != option.lower and not kept
        return option.name != "dequantize" or self.levels is not False

    def ways(self, *ways: str | Option, learned: bool = True) -> tuple[str, tuple[str, ...]]:
        """Returns the applicable remedies as one phrase, and the options among them as typed.

        Args:
            ways: remedies, as sentences or options.
            learned: True if longer training may suffice: after a short training, it is the only advice.

        Example:
            >>> both = Option("kl_warmup", 0.5), Option("latent", 4)
            >>> Setting(frozenset({"latent"})).ways(*both, "more data")
            ('latent=4 or more data', ('--model.latent 4',))
            >>> Setting(steps=2).ways("a weaker decoder")
            ('more epochs, since it was trained for 2 steps', ())
        """
        if learned and self.young:
            return f"more epochs, since it was trained for {self.steps} step{'s' * (self.steps != 1)}", ()
        kept = [way for way in ways if self._applicable(way)]
        if self.one_size and LARGER in ways:
            kept.append(OTHER)
        said = [way if isinstance(way, str) else way.said for way in kept]
        return listed(said), tuple(way.typed for way in kept if isinstance(way, Option))

    def _applicable(self, way: str | Option) -> bool:
        """Returns True if a remedy is applicable."""
        if way in (LARGER, SMALLER):
            return not self.one_size
        if isinstance(way, str) and way.startswith(LONGER):
            return self.stepwise and self.training.length != "shorter"
        if isinstance(way, str):
            return True
        return self.allows(way)


def listed(said: Sequence[str]) -> str:
    """Joins phrases, as in `a, b or c`.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b or c'
    """
    return ", ".join(said[:-1]) + (" or " if said[:-1] else "") + (said[-1] if said else "")


def setting_of(
    model: Model, data: Dataset | None, metrics: Sequence[Any] = (), options: Mapping[str, Any] | None = None
) -> Setting:
    """Returns the facts about a model, its data and its training.

    Args:
        model: the model.
        data: data set; None: unknown.
        metrics: rows of the training's metrics file.
        options: options of the training by name; None: unknown.

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
    ends = model.supports(can.HasMarkovChain) and not stationary(model)
    copies = model.supports(can.Samples) and can.able(model, can.Samples).copies
    kind = arguments_of(type(model))
    given, course = _given(model, data, options or {}), course_of(metrics, options or {})
    return Setting(kind, steps, levels, table, takes_steps(model), validated, ends, copies, given, course)


def _given(model: Model, data: Dataset | None, options: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Returns the values of all options by owner and name, as far as they are known."""
    owners: dict[Of, Mapping[str, Any]] = {
        "model": {**defaults_of(type(model)), **vars(model).get("arguments", {})},
        "train": options,
        "data": (data.spec or {}) if data is not None else {},
    }
    return {(owner, name): value for owner, values in owners.items() for name, value in values.items()}


def arguments_of(kind: type) -> frozenset[str]:
    """Returns the names of all options of a class, including those passed on to its bases."""
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
    """Returns the number of steps in the last row of the metrics, or None."""
    said = metrics[-1].get("total_step") if metrics else None
    try:
        return int(float(said)) if said else None
    except ValueError:
        return None
