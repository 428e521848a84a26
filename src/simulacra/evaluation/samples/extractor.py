"""Feature extractors: networks whose outputs are the features in which samples are scored.

There are three kinds: a small network trained on the training rows and stored in the user's cache; any
`nn.Module`; a file. Every score contains the extractor's label and the digest of its weights, because
distances in the features of different extractors are not comparable.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.interface import CHUNK, evaluating
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.core.storage.nested import make_folder
from simulacra.data.catalog.names import cache
from simulacra.data.dataset import Dataset
from simulacra.evaluation.samples.feature_net import RECIPE, FeatureNet, Plan, plan_for, train

log = logging.getLogger("simulacra")


@dataclass(frozen=True)
class Extractor:
    """A network whose outputs are features.

    Args:
        label: name in reports, such as `classifier of mnist 96aa, 64 features, 98.0% right`.
        digest: SHA-256 of its weights, or of its file.
        network: maps rows in feature space, shape (B, *), to features, flattened to (B, size).
        read: maps features to the logits of labels; None if it is no classifier.
        path: file that contains it, or None.
    """

    label: str
    digest: str
    network: nn.Module
    read: Callable[[Tensor], Tensor] | None = None
    path: Path | None = None

    def features(self, rows: Tensor) -> Tensor:
        """Returns the features of rows, float64 on the CPU, shape (B, size).

        Args:
            rows: rows in feature space, shape (B, *).

        Raises:
            ValueError: if the network does not accept such rows, or a feature is not finite.
        """
        with evaluating(self.network):
            parts = [self._run(part) for part in rows.split(CHUNK)]
        found = torch.cat(parts)
        if not bool(torch.isfinite(found).all()):
            raise ValueError(f"the features of {self.label} are not finite.")
        return found

    def _run(self, rows: Tensor) -> Tensor:
        like = next(self.network.parameters(), torch.zeros(()))
        try:
            out = self.network(rows.to(like.device, like.dtype))
        except (RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{self.label} does not take rows of shape {tuple(rows.shape)} ({reason})."
            ) from error
        if not isinstance(out, Tensor) or len(out) != len(rows):
            raise ValueError(f"{self.label} must give one row of features for each row, as one tensor.")
        return out.flatten(1).double().cpu()

    def probabilities(self, features: Tensor) -> Tensor | None:
        """Returns p(label|x) for the features of rows, shape (B, classes); None if it is no classifier.

        Args:
            features: shape (B, size).
        """
        if self.read is None:
            return None
        with evaluating(self.network):
            logits = self.read(features.to(next(self.network.parameters()).dtype))
        return logits.double().softmax(1)


def extractor_for(
    data: Dataset,
    given: Extractor | nn.Module | str | Path | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
) -> Extractor:
    """Returns the feature extractor for a data set.

    Args:
        data: data set.
        given: an extractor; a module, whose outputs are the features; a file, either TorchScript or one that
            this function saved; or None: a network trained on `data.train`, unless it is in the cache.
        seed: seed of that training.
        folder: folder for trained networks; None: the user's cache.

    Raises:
        ValueError: if a file is missing or is neither.

    Example:
        >>> import simulacra
        >>> extractor_for(simulacra.load_data("ring")).label
        'the 2 entries themselves, standardized on ring ...'
    """
    if isinstance(given, Extractor):
        return given
    if isinstance(given, nn.Module):
        digest = digest_of(given)
        return Extractor(f"{type(given).__name__} {digest[:4]}", digest, given)
    if given is not None:
        return from_file(Path(given))
    plan = plan_for(data)
    key = recipe_digest(data, plan, seed)
    path = Path(folder or cache() / "extractors") / f"{data.train.digest()[:8]}-{key[:16]}.safetensors"
    if plan.kind != "entries" and path.is_file():
        try:
            return _kept(path)
        except ValueError as error:
            log.warning("%s; it is trained again.", str(error).rstrip("."))
    net, quality = train(plan, data, seed)
    label = _label(plan, data.name, digest_of(net), quality)
    found = Extractor(label, digest_of(net), net, net.read if plan.classes else None)
    return found if plan.kind == "entries" else _keep(found, plan, path)


def _label(plan: Plan, name: str, digest: str, quality: float | None) -> str:
    if quality is None:
        return f"the {plan.size} entries themselves, standardized on {name} {digest[:4]}"
    said = "right" if plan.classes else "of the variance"
    return f"{plan.kind} of {name} {digest[:4]}, {plan.size} features, {quality:.1%} {said}"


def recipe_digest(data: Dataset, plan: Plan, seed: int) -> str:
    """Returns the SHA-256 of everything but the machine that determines the weights of a trained network.

    Args:
        data: data set.
        plan: kind and size of the network.
        seed: seed of the training.
    """
    labels = data.train.labels
    parts = {
        "recipe": RECIPE,
        "rows": data.train.digest(),
        "labels": None if labels is None else hashlib.sha256(labels.numpy().tobytes()).hexdigest(),
        "prepared": data.preprocessing.spec(),
        "plan": plan.spec(),
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def digest_of(module: nn.Module) -> str:
    """Returns the SHA-256 of a module's weights and buffers by name.

    Example:
        >>> digest_of(nn.Identity()) == digest_of(nn.ReLU())
        True
    """
    h = hashlib.sha256()
    for name, t in sorted(module.state_dict().items()):
        h.update(f"{name}{t.dtype}{tuple(t.shape)}".encode())
        h.update(t.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return h.hexdigest()


def _keep(found: Extractor, plan: Plan, path: Path) -> Extractor:
    """Saves a trained extractor; if that fails, logs a warning."""
    header = {"extractor": plan.spec(), "label": found.label, "recipe": RECIPE}
    try:
        make_folder(path.parent)
        write_tensors(path, found.network.state_dict(), header)
    except (OSError, ValueError) as error:
        log.warning("the extractor was not kept, so the next score trains it again: %s", error)
        return found
    return Extractor(found.label, found.digest, found.network, found.read, path)


def _kept(path: Path) -> Extractor:
    """Loads an extractor saved by `_keep`.

    Raises:
        ValueError: if the file is damaged or holds something else.
    """
    weights, header = read_tensors(path)
    try:
        entry: dict[str, Any] = header["extractor"]
        plan = Plan(entry["kind"], tuple(entry["shape"]), entry["classes"], entry["size"])
        # initial weights are replaced below: do not advance torch's global generator
        with torch.random.fork_rng(devices=[]):
            net = FeatureNet(plan)
        net.load_state_dict(weights)
        label = str(header["label"])
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{path} holds no feature extractor that this version can read ({reason})."
        ) from error
    return Extractor(label, digest_of(net), net.eval(), net.read if plan.classes else None, path)


def from_file(path: Path) -> Extractor:
    """Loads an extractor from a file: TorchScript, or `.safetensors` as saved by `extractor_for`.

    A TorchScript file is a program: take it only from a source that you trust.

    Raises:
        ValueError: if the file is missing or cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"the feature extractor {path} does not exist.")
    if path.suffix == ".safetensors":
        return _kept(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's warning that TorchScript is deprecated
            module = torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        raise ValueError(
            f"{path} is no TorchScript file (torch.jit.save) and no .safetensors of an extractor."
        ) from error
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Extractor(f"{path.name} {digest[:4]}", digest, module, None, path)
