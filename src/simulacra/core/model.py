"""The contract: a model is a torch module that says its space, its updates and its capabilities.

The words that users call are fixed here once, for every family: `sample`, `log_prob`,
`score_samples`, `anomaly`, `encode`, `decode`, `reconstruct`, `complete`, `classify`. Raw goes in,
raw comes out: the preprocessing of the data travels with the model.
"""

from __future__ import annotations

import inspect
from abc import ABCMeta
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from simulacra.core import capabilities as can
from simulacra.core.estimate import Estimate, Kind
from simulacra.core.likelihood import importance_bound
from simulacra.core.random import Rng
from simulacra.core.space import Categorical, Space
from simulacra.core.training import Epochs, Stage, Update
from simulacra.core.transforms import Preprocessing

CHUNK = 1024  # rows that the words below put through a network at once


class _Recorded(ABCMeta):
    """The constructor's signature is the configuration: its arguments are kept."""

    @property
    def __signature__(cls) -> inspect.Signature:
        """That of the constructor, which `__call__` below would hide."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        model = super().__call__(*args, **kwargs)
        bound = inspect.signature(cls).bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        for parameter in bound.signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                arguments |= arguments.pop(parameter.name)
        object.__setattr__(model, "arguments", arguments)
        if model.preprocessing is None:
            model.preprocessing = Preprocessing(model.space)
        return model


class Model(nn.Module, metaclass=_Recorded):
    """A distribution p(x), p(x|c) or p(x, c) over a space.

    Subclasses are final: they declare capabilities as bases, set `space` (and `condition`), and
    give `updates` or `stage`.

    Args:
        space: what one observation is.
        condition: what the condition is, or None.
    """

    sharded: ClassVar[tuple[str, ...]] = ()
    blocks: ClassVar[tuple[str, ...]] = ()
    length: Epochs = Epochs(50)
    arguments: dict[str, Any]

    def __init__(self, space: Space, condition: Space | None = None):
        super().__init__()
        self.space = space
        self.condition = condition
        self.preprocessing: Preprocessing = None  # type: ignore[assignment]
        self.label_names: tuple[str, ...] = ()
        self._removed: frozenset[type[can.Capability]] = frozenset()

    # ---- how it is trained

    def updates(self) -> list[Update]:
        """The moves of one training step."""
        raise NotImplementedError

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """The i-th stage, or None when training is over; asked one at a time.

        Args:
            past: what each earlier stage recorded (name, steps, last terms).
        """
        return Stage("train", self.updates(), self.length) if i == 0 else None

    # ---- what it can do

    def capabilities(self) -> frozenset[type[can.Capability]]:
        """The declared capabilities of this instance."""
        declared = {c for c in can.ALL if isinstance(self, c)}
        if self.condition is None:
            declared.discard(can.TakesCondition)
        return frozenset(declared - self._removed)

    def remove(self, *capabilities: type[can.Capability]) -> None:
        """For constructors: this instance cannot do what its class can."""
        self._removed |= set(capabilities)

    def supports(self, capability: type[can.Capability]) -> bool:
        """Whether this instance declares `capability`."""
        return capability in self.capabilities()

    def _need(self, word: str, *any_of: type[can.Capability]) -> None:
        if not any(self.supports(c) for c in any_of):
            has = ", ".join(sorted(c.phrase for c in self.capabilities())) or "nothing"
            wanted = " or ".join(c.phrase for c in any_of)
            raise can.MissingCapability(
                f"{type(self).__name__} cannot do {word}(): that needs a model that {wanted}; this one {has}."
            )

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next((t.device for t in self._tensors()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the parameters."""
        floating = (t.dtype for t in self._tensors() if t.is_floating_point())
        return next(floating, torch.get_default_dtype())

    def _tensors(self) -> Iterator[Tensor]:
        yield from self.parameters()
        yield from self.buffers()

    # ---- the words

    def sample(self, n: int, condition: Any = None, seed: int = 0) -> Tensor:
        """n draws in raw units, shape (n, *); sample i is the same whatever n is.

        Args:
            condition: one condition for all, or one for each, where the model takes one.
            seed: same seed, same samples.

        Raises:
            ValueError: if the model does not sample, or a condition is missing.
        """
        self._need("sample", can.Samples)
        c = self._condition(condition, n)
        rng = Rng(seed, "sample", device=self.device)
        parts = []
        with evaluating(self):
            for i in range(0, n, CHUNK):
                rows = range(i, min(i + CHUNK, n))
                x = cast(can.Samples, self).draw(rng.on(rows), None if c is None else c[i : i + CHUNK])
                parts.append(self.preprocessing.inverse(x))
        return torch.cat(parts) if parts else torch.empty(0, *self.space.shape)

    def log_prob(self, x: Any, condition: Any = None, k: int = 1000, seed: int = 0) -> Estimate:
        """log p(x) of raw x, in nats on the raw space; higher is likelier.

        Exact where the model has a density; otherwise the importance-weighted bound with k
        samples; otherwise the bound that the model has. Same x and seed, same score.

        Raises:
            ValueError: if the model is implicit: it has neither density nor bound.
        """
        self._need("log_prob", can.HasDensity, can.HasBound)
        rng = Rng(seed, "score", device=self.device)
        values, chunks = [], self._chunks(x, condition, rng)
        with evaluating(self):
            for y, log_det, c, rows in chunks:
                value, kind, method = self._score(y, c, rows, k)
                values.append(value.double() + log_det)
        if not self.preprocessing.exact:
            kind, method = ("lower" if kind == "exact" else kind), f"{method}, dequantised"
        details = {"seed": seed} | ({"k": k} if "k=" in method else {})
        return Estimate(torch.cat(values), cast(Kind, kind), self.preprocessing.raw.dims, method, details)

    def _score(self, y: Tensor, c: Tensor | None, rng: Rng, k: int) -> tuple[Tensor, str, str]:
        if self.supports(can.HasDensity):
            return cast(can.HasDensity, self).log_density(y, c), "exact", "exact"
        if self.supports(can.HasImportanceWeights):
            bound = importance_bound(cast(can.HasImportanceWeights, self), y, c, k, rng).bound
            return bound, "lower", f"IWAE bound, k={k}" if k > 1 else "ELBO, k=1"
        return cast(can.HasBound, self).elbo(y, c, rng), "lower", "ELBO"

    def score_samples(self, x: Any, condition: Any = None, k: int = 1000, seed: int = 0) -> np.ndarray:
        """The numbers of `log_prob`, as in scikit-learn: float64, shape (B,)."""
        return self.log_prob(x, condition, k, seed).values.numpy()

    def anomaly(self, x: Any, condition: Any = None, k: int = 1000, seed: int = 0) -> np.ndarray:
        """-log p(x): higher is stranger, shape (B,)."""
        return -self.score_samples(x, condition, k, seed)

    def encode(self, x: Any, condition: Any = None, seed: int = 0) -> Tensor:
        """Codes of raw x, shape (B, latent)."""
        self._need("encode", can.Encodes)
        rng = Rng(seed, "score", device=self.device)
        with evaluating(self):
            codes = [cast(can.Encodes, self).infer(y, c) for y, _, c, _ in self._chunks(x, condition, rng)]
        return torch.cat(codes)

    def decode(self, z: Any, condition: Any = None) -> Tensor:
        """The expectation of x given codes, shape (B, *): probabilities of a one for binary data,
        otherwise raw units, not rounded."""
        self._need("decode", can.Decodes)
        z = torch.as_tensor(z, device=self.device, dtype=self.dtype)
        size = cast(can.Decodes, self).code_size
        if z.dim() != 2 or z.shape[1] != size:
            raise ValueError(f"codes have shape {tuple(z.shape)}, but this model needs (B, {size}).")
        c = self._condition(condition, len(z))
        with evaluating(self):
            parts = [
                cast(can.Decodes, self).emit(z[i : i + CHUNK], None if c is None else c[i : i + CHUNK])
                for i in range(0, len(z), CHUNK)
            ]
        return self.preprocessing.restore(torch.cat(parts))

    def reconstruct(self, x: Any, condition: Any = None, seed: int = 0) -> Tensor:
        """decode(encode(x)), shape (B, *)."""
        return self.decode(self.encode(x, condition, seed), condition)

    def complete(self, x: Any, known: Any, condition: Any = None, seed: int = 0) -> Tensor:
        """x with the entries where `known` is False drawn given the rest; True = keep.

        Args:
            known: booleans, shape of x or of one observation.
        """
        self._need("complete", can.Completes)
        known = torch.as_tensor(known, dtype=torch.bool, device=self.device)
        rng = Rng(seed, "complete", device=self.device)
        parts = []
        with evaluating(self):
            for y, _, c, rows in self._chunks(x, condition, rng):
                keep = known if known.dim() < y.dim() else known[rows.rows.start : rows.rows.stop]
                filled = cast(can.Completes, self).fill(y, keep.expand(y.shape), rows, c)
                parts.append(self.preprocessing.inverse(filled))
        return torch.cat(parts)

    def classify(self, x: Any, seed: int = 0) -> Tensor:
        """Probabilities of the labels, shape (B, classes)."""
        self._need("classify", can.Classifies)
        rng = Rng(seed, "score", device=self.device)
        with evaluating(self):
            parts = [
                cast(can.Classifies, self).label_logits(y).softmax(1)
                for y, _, _, _ in self._chunks(x, None, rng)
            ]
        return torch.cat(parts)

    def save(self, path: str | Path) -> None:
        """Write the artifact (`model.safetensors`, `config.json`) into the folder `path`."""
        from simulacra.core.artifact import save_model

        save_model(self, Path(path))

    # ---- from raw to the model's space

    def _chunks(
        self, x: Any, condition: Any, rng: Rng
    ) -> Iterator[tuple[Tensor, Tensor, Tensor | None, Rng]]:
        """Preprocessed chunks with their log-Jacobians, conditions and row-keyed generators."""
        x = as_tensor(x).to(self.device)
        self.preprocessing.raw.check(x)
        c = self._condition(condition, len(x))
        for i in range(0, len(x), CHUNK):
            rows = rng.on(range(i, min(i + CHUNK, len(x))))
            y, log_det = self.preprocessing.forward(x[i : i + CHUNK], rows)
            if y.is_floating_point():
                y = y.to(self.dtype)
            yield y, log_det, None if c is None else c[i : i + CHUNK], rows

    def _condition(self, condition: Any, n: int) -> Tensor | None:
        if self.condition is None:
            if condition is not None:
                raise ValueError(f"{type(self).__name__} was built without a condition, but one was given.")
            return None
        if condition is None:
            raise ValueError(f"{type(self).__name__} models p(x|c): give condition= out of {self.condition}.")
        c = (
            torch.stack([self._label(v) for v in np.atleast_1d(condition)])
            if _words(condition)
            else as_tensor(condition)
        )
        c = c.to(self.device)
        if c.dim() == len(self.condition.shape):
            c = c.expand(n, *c.shape)
        self.condition.check(c, "condition")
        if len(c) != n:
            raise ValueError(f"condition has {len(c)} rows for {n} observations.")
        return c

    def _label(self, name: str) -> Tensor:
        names = self.condition.names if isinstance(self.condition, Categorical) else ()
        if name not in names:
            raise ValueError(
                f"condition {name!r} is not a class; classes are {', '.join(names) or 'unnamed'}."
            )
        return torch.tensor(names.index(name))

    def features(self, x: Tensor) -> Tensor:
        """x as network input in the model's floating type."""
        return self.space.features(x, self.dtype)


def _words(condition: Any) -> bool:
    return np.asarray(condition).dtype.kind in "US" if not isinstance(condition, Tensor) else False


def as_tensor(x: Any) -> Tensor:
    """A tensor from numpy, torch, nested lists or a data frame.

    Raises:
        ValueError: if the values are not numbers.
    """
    if isinstance(x, Tensor):
        return x
    try:
        return torch.as_tensor(np.asarray(x))
    except TypeError as error:
        raise ValueError(f"{type(x).__name__} does not hold numbers: {error}.") from error


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; the training flag comes back afterwards."""
    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was)
