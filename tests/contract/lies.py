"""The ways in which a saved model may lie: each edits a folder, and the words that the refusal holds."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

CONFIG, WEIGHTS = "config.json", "model.safetensors"
HUGE = 10**9


def config(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Edit config.json."""

    def lie(folder: Path) -> None:
        content = json.loads((folder / CONFIG).read_text())
        change(content)
        (folder / CONFIG).write_text(json.dumps(content))

    return lie


def text(content: str | bytes) -> Callable[[Path], None]:
    """Another config.json altogether."""
    raw = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / CONFIG).write_bytes(raw)  # type: ignore[return-value]


def tensors(change: Callable[[dict], object], header: dict | None = None) -> Callable[[Path], None]:
    """Edit the tensors, or the header."""

    def lie(folder: Path) -> None:
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
        change(found)
        if header is not None:
            metadata = {"simulacra": json.dumps({**json.loads(metadata["simulacra"]), **header})}
        save_file(found, folder / WEIGHTS, metadata=metadata)

    return lie


def raw(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Edit the bytes of the weights."""
    return lambda folder: (folder / WEIGHTS).write_bytes(change((folder / WEIGHTS).read_bytes()))  # type: ignore[return-value]


def lying_sizes(content: bytes) -> bytes:
    """A header that says the first tensor has 10^9 rows."""
    (n,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + n])
    entry = next(value for name, value in header.items() if name != "__metadata__")
    entry["shape"][0] = HUGE
    new = json.dumps(header).encode()
    return struct.pack("<Q", len(new)) + new + content[8 + n :]


def renamed_tensor(found: dict) -> None:
    """One tensor under another name."""
    found["encoder.nonesuch"] = found.pop(next(iter(found)))


def put(name: str, value: object) -> Callable[[dict], None]:
    """Set one argument."""
    return lambda c: c["arguments"].__setitem__(name, value)


def fill(value: float) -> Callable[[dict], None]:
    """One entry of a weight."""
    return lambda found: found["encoder.body.0.weight"].view(-1).__setitem__(3, value)


def space(**entries: object) -> Callable[[dict], None]:
    """Edit the space of the arguments and of the preprocessing alike."""

    def change(content: dict) -> None:
        content["arguments"]["space"]["space"].update(entries)
        content["preprocessing"]["raw"].update(entries)

    return change


def steps(*found: object) -> Callable[[dict], None]:
    """Other steps of preprocessing."""
    return lambda c: c["preprocessing"].update(steps=list(found))


PATH = {"package": "os", "name": "system", "value": "os:system"}
GONE = {"package": "numpy", "name": "system", "value": "os:system"}
LIES: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    # names that might be executed
    "module": (config(lambda c: c.update(model="os.system")), ("'os.system'", "kind=MyModel")),
    "path": (config(lambda c: c.update(model="../../x")), ("'../../x'",)),
    "code": (config(lambda c: c.update(model="__import__('os').abort()\n")), ("catalogue",)),
    "number": (config(lambda c: c.update(model=3)), (CONFIG, "'model'")),
    "long": (config(lambda c: c.update(model="x" * 10**6)), ("catalogue",)),
    "of-this-package": (config(lambda c: c.update(model="Model")), ("catalogue",)),
    "another": (config(lambda c: c.update(model="IWAE")), ("do not belong together",)),
    "extension": (config(lambda c: c.update(extension=[1])), ("'extension'", "object")),
    "extension-path": (config(lambda c: c.update(extension=PATH)), ("package 'os'", "not installed")),
    "extension-odd": (config(lambda c: c.update(extension={"package": {"a": 1}})), ("not installed",)),
    "extension-gone": (
        config(lambda c: c.update(extension=GONE)),
        ("no model 'system'",),
    ),
    # arguments
    "unknown": (config(put("nonesuch", 1)), (CONFIG, "nonesuch")),
    "self": (config(put("self", 1)), (CONFIG, "VAE")),
    "text": (config(put("latent", "2")), (CONFIG, "VAE")),
    "half": (config(put("latent", 2.5)), (CONFIG, "VAE")),
    "nested": (config(put("hidden", [[{"a": [None]}]])), (CONFIG, "VAE")),
    "network": (config(put("encoder", "torch.nn.Linear(3, 4)")), (CONFIG, "VAE")),
    "negative": (config(put("latent", -1)), ("latent is -1",)),
    "no-space": (config(lambda c: c["arguments"].pop("space")), (CONFIG, "space")),
    "list": (config(lambda c: c.update(arguments=[1])), ("'arguments'", "object")),
    "passed": (config(lambda c: c.update(passed={"encoder": 3})), ("'passed'",)),
    "names": (config(lambda c: c.update(label_names=[1])), ("'label_names'",)),
    "estimates": (config(lambda c: c.update(estimates=["x"])), ("'estimates'",)),
    # sizes
    "latent": (config(put("latent", HUGE)), ("shape",)),
    "beyond-integers": (config(put("latent", 10**40)), (CONFIG, "VAE")),
    "hidden": (config(put("hidden", [HUGE, HUGE])), (WEIGHTS, "encoder")),
    "many-layers": (config(put("hidden", [7] * 10**5)), (CONFIG, "parameters")),
    "shape": (config(space(shape=[HUGE, HUGE])), (CONFIG, "VAE")),
    "classes": (config(lambda c: c["arguments"]["condition"]["space"].update(classes=HUGE)), ("shape",)),
    # spaces and preprocessing
    "kind": (config(space(kind="Hilbert")), ("'Hilbert'",)),
    "no-kind": (config(lambda c: c["arguments"].update(space={"space": 3})), (CONFIG,)),
    "dimensions": (config(space(shape=["a", None])), (CONFIG,)),
    "step": (config(steps({"kind": "os.system", "command": "true"})), ("preprocessing", "os.system")),
    "step-entry": (config(steps({"kind": "Affine", "nonesuch": 1})), ("preprocessing",)),
    "step-text": (config(steps("Affine")), ("preprocessing",)),
    "step-nan": (config(steps({"kind": "Affine", "shift": [float("nan")]})), ("preprocessing", "nan")),
    "step-elsewhere": (config(steps({"kind": "Dequantize"})), ("preprocessing", "levels")),
    "other-raw": (config(lambda c: c["preprocessing"]["raw"].update(shape=[4])), ("stands on",)),
    # the file itself
    "empty": (text(""), (CONFIG, "JSON")),
    "cut-off": (text('{"format": 1, "model": "VAE'), (CONFIG, "JSON")),
    "a-list": (text("[1]"), (CONFIG, "format number")),
    "no-text": (text(b"\xff\xfe\x00"), (CONFIG, "JSON")),
    "deep": (text("[" * 10**5), (CONFIG, "JSON")),
    "digits": (text('{"format": 1' + "0" * 5000 + "}"), (CONFIG, "JSON")),
    "long-file": (text('{"format": 1}' + " " * 2**26), (CONFIG, "MiB")),
    "newer": (config(lambda c: c.update(format=99)), ("format 99", "upgrade")),
    "format": (config(lambda c: c.update(format=True)), ("format number",)),
    "no-config": (lambda folder: (folder / CONFIG).unlink(), ("holds no config.json",)),
    # weights
    "no-weights": (lambda folder: (folder / WEIGHTS).unlink(), ("holds no model.safetensors",)),
    "no-bytes": (raw(lambda b: b""), (WEIGHTS,)),
    "truncated": (raw(lambda b: b[: len(b) // 2]), (WEIGHTS, "damaged")),
    "longer": (raw(lambda b: b + b"\0" * 16), (WEIGHTS, "damaged")),
    "long-header": (raw(lambda b: b"\xff" * 8 + b[8:]), (WEIGHTS, "damaged")),
    "sizes": (raw(lying_sizes), (WEIGHTS, "damaged")),
    "pickle": (raw(lambda b: b"\x80\x04cos\nsystem\n."), (WEIGHTS, "damaged")),
    "foreign": (lambda folder: save_file({"a": torch.zeros(2)}, folder / WEIGHTS), (WEIGHTS, "written by")),
    "newer-weights": (tensors(lambda t: None, {"format": 2}), ("format 2", "upgrade")),
    "missing": (tensors(lambda t: t.pop("encoder.body.0.weight")), ("lacks", "encoder.body.0.weight")),
    "extra": (tensors(lambda t: t.update(more=torch.zeros(1))), ("unknown tensor 'more'",)),
    "renamed": (tensors(renamed_tensor), (WEIGHTS, "tensor")),
    "transposed": (
        tensors(lambda t: t.update({"encoder.body.0.weight": t["encoder.body.0.weight"].T.contiguous()})),
        ("encoder.body.0.weight with shape",),
    ),
    "whole-numbers": (
        tensors(lambda t: t.update({"encoder.body.0.weight": t["encoder.body.0.weight"].long()})),
        ("encoder.body.0.weight as I64", "floating"),
    ),
    "nan": (tensors(fill(float("nan"))), ("NaN or infinite", "encoder.body.0.weight")),
    "infinite": (tensors(fill(float("inf"))), ("NaN or infinite", "encoder.body.0.weight")),
    "a-folder": (
        lambda folder: ((folder / WEIGHTS).unlink(), (folder / WEIGHTS).mkdir()),
        ("holds no model.safetensors",),
    ),
}
if hasattr(os, "mkfifo"):
    LIES["a-pipe"] = (
        lambda folder: ((folder / WEIGHTS).unlink(), os.mkfifo(folder / WEIGHTS)),
        ("holds no model.safetensors",),
    )
