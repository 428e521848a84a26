"""Loads weights from a file into a model after checking names, shapes, types and values."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from simulacra.core.storage.files import Stored, read_shapes, read_tensors

WORDS = {"F": "floating-point numbers", "C": "complex numbers", "B": "booleans", "I": "whole numbers"}


def check_fits(
    own: Mapping[str, Tensor], stored: Mapping[str, Stored], path: Path, added: Collection[str] = ()
) -> None:
    """Checks that the stored tensors fit a model.

    Args:
        own: the model's state; tensors on the `meta` device are sufficient.
        stored: shapes and types of the tensors in the file, by name.
        path: the file, for messages.
        added: names of tensors that files of earlier versions lack.

    Raises:
        ValueError: if they do not; the message names the first misfit.
    """
    for name, t in own.items():
        if name not in stored and name in added:
            continue
        if name not in stored:
            raise ValueError(f"{path} lacks tensor {name!r}: it does not belong to this model.")
        found = stored[name]
        if found.shape != tuple(t.shape):
            raise ValueError(
                f"{path} holds {name} with shape {found.shape}; the model needs {tuple(t.shape)}."
            )
        if _letter(found.dtype) != (wanted := _kind(t.dtype)):
            raise ValueError(f"{path} holds {name} as {found.dtype}; the model needs {WORDS[wanted]}.")
    for name in stored:
        if name not in own:
            raise ValueError(f"{path} has an unknown tensor {name!r}: it does not belong to this model.")


def _letter(dtype: str) -> str:
    """Returns F, C, B or I for a safetensors type: the kind of number, of any width."""
    if dtype in ("F64", "F32", "F16", "BF16"):
        return "F"
    return {"C": "C", "B": "B", "I": "I", "U": "I"}.get(dtype[:1], dtype)


def _kind(dtype: torch.dtype) -> str:
    if dtype.is_floating_point or dtype.is_complex:
        return "F" if dtype.is_floating_point else "C"
    return "B" if dtype == torch.bool else "I"


def not_finite(model: nn.Module, tensors: Mapping[str, Tensor]) -> str | None:
    """Returns the name of the first weight that is NaN or infinite, or buffer that is NaN; otherwise None.

    Buffers may hold infinities, as masks do.

    Args:
        model: model that owns the tensors.
        tensors: its state by name.
    """
    weights: Collection[str] = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    for name, t in tensors.items():
        if t.is_floating_point() or t.is_complex():
            good = torch.isfinite(t) if name in weights else ~torch.isnan(t)
            if not bool(good.all()):
                return name
    return None


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Returns the SHA-256 of names, types, shapes and values, which detects damage but not manipulation."""
    h = hashlib.sha256()
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        h.update(f"{name} {t.dtype} {tuple(t.shape)} ".encode())
        h.update(t.reshape(-1).view(torch.uint8).numpy().data)
    return h.hexdigest()


def load_weights(model: nn.Module, path: Path) -> None:
    """Copies the weights of a file into the model, which takes over their precision.

    Args:
        model: model to change.
        path: safetensors file.

    Raises:
        ValueError: if a tensor is missing, unknown, of another shape or type, or not finite.
    """
    check_fits(model.state_dict(), read_shapes(path)[0], path, getattr(model, "added", ()))
    tensors, header = read_tensors(path)
    bad = not_finite(model, tensors)
    if bad is not None:
        raise ValueError(f"{path} holds NaN or infinite numbers in {bad}: it is no trained model.")
    if header.get("digest", digest(tensors)) != digest(tensors):
        raise ValueError(f"{path} is damaged: its weights are not those that were saved; copy it again.")
    precisions = {t.dtype for t in tensors.values() if t.is_floating_point()}
    if len(precisions) == 1:
        model.to(precisions.pop())
    with torch.no_grad():
        for name, t in model.state_dict().items():
            if name in tensors:
                t.copy_(tensors[name])
