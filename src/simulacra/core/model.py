"""The model contract: a torch module that declares its space, its updates and its capabilities.

The methods that users call (`sample`, `log_prob`, ...) are in `core.interface`.
"""

from __future__ import annotations

import functools
import inspect
import re
from abc import ABCMeta
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.card import html_of
from simulacra.core.errors.argument_types import brief
from simulacra.core.errors.calls import WrongCall, check_call, check_kind, checked, constructed, no_such
from simulacra.core.errors.ranges import check_ranges
from simulacra.core.interface import Interface
from simulacra.core.numerics.precision import bounded
from simulacra.core.packages import of_the_library
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.random.keyed import initial_weights
from simulacra.core.renamed import renamed_arguments
from simulacra.core.size import size_of
from simulacra.core.spaces.paired import observed
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Stage, Update

M = TypeVar("M")
# every model takes it: the initial weights depend on this seed alone
SEED = inspect.Parameter("seed", inspect.Parameter.KEYWORD_ONLY, default=0, annotation="int")


class _Recorded(ABCMeta):
    """Metaclass of `Model`: records the arguments of the constructor, which are the model's configuration.

    Every constructor accepts `seed=` besides its own arguments. One that declares it, as those of the library
    do, shows it to type checkers and editors, too.
    """

    @property
    def __signature__(cls) -> inspect.Signature:
        """The signature of the constructor plus `seed`; `__call__` below would hide it."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        parameters = list(signature.parameters.values())[1:]
        if SEED.name not in signature.parameters:
            rest = [p for p in parameters if p.kind is p.VAR_KEYWORD]
            parameters = [*(p for p in parameters if p not in rest), SEED, *rest]
        return signature.replace(parameters=parameters)

    # M for M: type checkers go on to read the constructor
    def __call__(cls: type[M], *args: Any, **kwargs: Any) -> M:
        kwargs = renamed_arguments({base.__name__ for base in cls.__mro__}, kwargs)
        own = SEED.name in inspect.signature(cls.__init__).parameters
        given = kwargs if own else {name: value for name, value in kwargs.items() if name != SEED.name}
        _check_seed(kwargs.get(SEED.name))
        if of_the_library(cls):
            check_call(cls.__name__, inspect.signature(cls), args, kwargs, lambda: _kinds(cls))
        with initial_weights(kwargs.get(SEED.name)):
            try:
                model: Any = type.__call__(cls, *args, **given)
            except TypeError as error:
                raise _without_unknown(cls, kwargs, error) from error
            except AttributeError as error:
                if "before Module.__init__() call" in str(error):
                    raise _without_base(cls) from error
                raise
            except (ArithmeticError, IndexError, RuntimeError):
                # torch's words for a size that no network has
                check_ranges(cls.__name__, _arguments(cls, args, kwargs), defaults_of(cls))
                raise
        if "_removed" not in vars(model):
            raise _without_base(cls)
        arguments = _arguments(cls, args, kwargs)
        if of_the_library(cls):
            check_ranges(cls.__name__, arguments, defaults_of(cls))
        object.__setattr__(model, "arguments", arguments)
        if model.preprocessing is None:
            model.preprocessing = Preprocessing(model.space)
        if model.conditioning is None and model.condition is not None:
            model.conditioning = Preprocessing(model.condition)
        return model


def _arguments(cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all arguments of a constructor by name, with the defaults of those that are not given."""
    bound = inspect.signature(cls).bind(*args, **kwargs)
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    for parameter in bound.signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments |= arguments.pop(parameter.name)
    return arguments


def _check_seed(seed: Any) -> None:
    check_kind(SEED.name, seed, int | None, "the model")
    if seed is not None and not -(2**63) <= seed < 2**64:
        raise ValueError(f"seed is {seed}, but torch takes whole numbers below 2^64: give a smaller one.")


def _kinds(cls: type) -> dict[str, Any]:
    return {SEED.name: int, **constructed(cls)}


def _without_unknown(cls: type, given: Mapping[str, Any], error: TypeError) -> TypeError:
    """Returns a `WrongCall` if no base class of the model takes the argument; otherwise `error` itself."""
    found = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if found is None or found[1] not in given:
        return error
    names = [name for name in _kinds(cls) if name not in ("self", "networks", found[1])]
    return WrongCall(no_such(cls.__name__, found[1], names))


def _without_base(cls: type) -> WrongCall:
    """Returns the error for a constructor that does not call that of `Model`."""
    return WrongCall(
        f"{cls.__name__}.__init__ does not call that of Model: begin it with super().__init__(space)."
    )


class Model(Interface, nn.Module, metaclass=_Recorded):
    """Base class of all models: a distribution p(x), p(x|c) or p(x, c) over a space.

    Subclasses are final. They inherit capabilities, set `space` (and `condition`), and implement `updates`
    or `stage`.

    Args:
        space: shape and support of one observation.
        condition: space of the condition c; None: the model is unconditional.

    Example:
        >>> from simulacra import PPCA, Real
        >>> model = PPCA(Real((5,)), latent=2, seed=1)
        >>> model.arguments["latent"], model.arguments["seed"]
        (2, 1)
    """

    sharded: ClassVar[tuple[str, ...]] = ()
    added: tuple[str, ...] = ()  # tensors that older files lack: they keep their initial values
    earlier: ClassVar[Mapping[str, Any]] = {}  # arguments that older files lack, as their models had them
    length: Epochs = Epochs(50)
    arguments: dict[str, Any]
    estimates: list[dict[str, Any]]
    has_history: bool = False  # True after a training or loading: the weights are no fresh initial ones

    def __init__(self, space: Space, condition: Space | None = None):
        super().__init__()
        self.space = space
        self.condition = condition
        self.preprocessing: Preprocessing = None  # type: ignore[assignment]
        self.conditioning: Preprocessing | None = None
        self.label_names: tuple[str, ...] = ()
        self.estimates = []
        self._removed: frozenset[type[can.Capability]] = frozenset()

    # ---- training

    def updates(self) -> list[Update]:
        """Returns the updates that one training step makes, in order.

        Raises:
            ValueError: if the subclass implements neither `updates` nor `stage`.
        """
        raise WrongCall(
            f"{type(self).__name__} declares no training: define updates(self), which returns a list such as "
            f"[Update({type(self).__name__.lower()!r}, params=('',), loss=loss)], or stage(self, i, past)."
        )

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Training options that suit the model and its space, by name; the user's options take precedence."""
        return {}

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns stage i of training, or None after the last one; the trainer asks for one at a time.

        Args:
            i: number of the stage, from 0.
            past: a record of each earlier stage: its name, steps and last terms.
        """
        return Stage("train", self.updates(), self.length) if i == 0 else None

    # ---- capabilities

    def capabilities(self) -> frozenset[type[can.Capability]]:
        """The capabilities among the bases of its class, without those that its constructor removed.

        A base of your own counts too: `class Sings(Capability)`, then `class Bird(Model, Sings)`. Models that
        sample given an observation, such as an image, translate as well (`core.capabilities.paired`).
        """
        own = self.own_capabilities()
        pairs = {can.Samples, can.TakesCondition} <= own and observed(self.condition)
        return own | {can.Translates} if pairs else own

    def own_capabilities(self) -> frozenset[type[can.Capability]]:
        """The capabilities that its class declares, without those that its constructor removed."""
        declared = declared_by(type(self))
        if self.condition is None:
            declared = frozenset(c for c in declared if not issubclass(c, can.TakesCondition))
        return declared - self._removed

    def remove(self, *capabilities: type[can.Capability]) -> None:
        """Removes capabilities of the class from this instance. Constructors call it.

        Args:
            capabilities: classes of `core.capabilities`, such as `HasDensity` where enumeration is too large.
        """
        self._removed |= set(capabilities)

    def supports(self, capability: type[can.Capability]) -> bool:
        """Returns True if this instance has a capability.

        Args:
            capability: class of `core.capabilities`.

        Example:
            >>> from simulacra import GAN, Real
            >>> GAN(Real((3,))).supports(can.Samples), GAN(Real((3,))).supports(can.HasDensity)
            (True, False)
        """
        return capability in self.capabilities()

    @property
    def device(self) -> torch.device:
        """Device of the parameters; the CPU where the model has no tensors."""
        return next((t.device for t in self._tensors()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the parameters; torch's default where the model has none."""
        floating = (t.dtype for t in self._tensors() if t.is_floating_point())
        return next(floating, torch.get_default_dtype())

    def _tensors(self) -> Iterator[Tensor]:
        yield from self.parameters()
        yield from self.buffers()

    def __repr__(self) -> str:
        given = [str(self.space), *([f"given {self.condition}"] if self.condition else []), settings_of(self)]
        return f"<{type(self).__name__} of {', '.join(filter(None, given))}; {size_of(self)}>"

    def _repr_html_(self) -> str:
        return html_of(self)

    def features(self, x: Tensor) -> Tensor:
        """Returns x as input for the network, in the model's floating-point type and a finite range.

        Args:
            x: observations in the model's space, shape (B, *).
        """
        f = self.space.features(x, self.dtype)
        return f if self.space.discrete else bounded(f)

    @checked
    def save(self, path: str | Path) -> None:
        """Saves the model, so that `simulacra.load` reads it.

        Args:
            path: a folder, for `model.safetensors` and `config.json`; or a file that ends in `.safetensors`,
                with the configuration in its header.

        Raises:
            ValueError: if a weight is not finite, or the folder holds a run.

        Example:
            >>> import tempfile
            >>> import simulacra
            >>> model = simulacra.PPCA(simulacra.Real((5,)), latent=2)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     model.save(f"{folder}/model.safetensors")
            ...     again = simulacra.load(f"{folder}/model.safetensors")
            >>> bool((again.sample(2, seed=0) == model.sample(2, seed=0)).all())
            True
        """
        from simulacra.core.artifact.save import save

        save(self, Path(path))


@functools.cache
def declared_by(kind: type) -> frozenset[type[can.Capability]]:
    """The capabilities among the bases of a class of models, the library's and all others.

    Example:
        >>> from simulacra.models.autoencoders.pca import PCA
        >>> sorted(c.__name__ for c in declared_by(PCA))
        ['Completes', 'Decodes', 'Encodes', 'TakesMissing']
    """
    bases = (base for base in kind.__mro__ if issubclass(base, can.Capability))
    declared = (base for base in bases if base is not can.Capability and not base.mixin)
    return frozenset(base for base in declared if not issubclass(base, Model))


def settings_of(model: Model) -> str:
    """Returns the constructor arguments that differ from their defaults, without spaces, as source text."""
    usual = defaults_of(type(model))
    given = {n: v for n, v in vars(model).get("arguments", {}).items() if n not in ("space", "condition")}
    changed = {n: v for n, v in given.items() if n not in usual or v is not usual[n]}
    differ = {n: v for n, v in changed.items() if n not in usual or brief(v) != brief(usual[n])}
    return ", ".join(f"{name}={brief(value)}" for name, value in differ.items())


def defaults_of(kind: type) -> dict[str, Any]:
    """Returns the defaults of a constructor's arguments, including those passed on to its base classes."""
    found: dict[str, Any] = {SEED.name: SEED.default}
    for base in kind.__mro__:
        own = vars(base).get("__init__")
        if own is None:
            continue
        parameters = inspect.signature(own).parameters.values()
        found = {p.name: p.default for p in parameters if p.default is not p.empty} | found
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found
