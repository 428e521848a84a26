"""Exports a method of a model as an ONNX graph, raw units in and out, with the noise as inputs.

A graph has no random generator. Each draw of the method becomes an input: `noise_z`, `noise_x`. The calling
program draws these numbers from the distribution that the metadata names; equal noise gives equal output.
Rows are the first dimension of every input and of the output, and their number is free.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.errors.calls import checked
from simulacra.core.export.exportable import WORDS, Exportable, example
from simulacra.core.export.folding import folded
from simulacra.core.export.noise import Given, Recorded
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.packages import install_command
from simulacra.core.progress.logs import held_back
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Count
from simulacra.core.storage.files import HEADER, write_atomically
from simulacra.core.storage.migration import FORMAT
from simulacra.core.storage.nested import make_folder

OPSET = 18
ROWS = 3  # rows of the traced example; tracing specializes on a size of one
MOST_NOISE = 16  # most noise inputs; a method with more is a chain that tracing would unroll
CONDITION = "condition"


@checked
def export_onnx(model: Model, path: str | Path, what: str = "decode") -> Path:
    """Writes one method of a model as an ONNX graph: raw units, noise as inputs, any number of rows.

    Args:
        model: model to export.
        path: the `.onnx` file; its metadata entry `simulacra` (JSON) describes inputs and output.
        what: `decode`, `encode`, `step`, `sample` or `logits`.

    Returns:
        the path.

    Raises:
        ValueError: if the model lacks the capability, the extra `export` is not installed, or the
            computation has no ONNX form.

    Example:
        >>> from simulacra import PPCA, Real
        >>> export_onnx(PPCA(Real((5,)), latent=2), "decoder.onnx")  # doctest: +SKIP
        PosixPath('decoder.onnx')
    """
    path = Path(path)
    if what not in WORDS:
        raise ValueError(f"what is {what!r}; possible are {', '.join(WORDS)}.")
    _need_onnx()
    model._need(what, WORDS[what].capability)
    if what == "sample" and getattr(model, "entry_by_entry", False):
        instead = "draw from its exported 'logits', or " if model.supports(can.HasConditionals) else ""
        raise ValueError(
            f"{type(model).__name__} draws entry by entry, and a graph would hold the network for each of "
            f"them: {instead}sample in Python."
        )
    if what == "sample" and getattr(model, "code_by_code", False):
        raise ValueError(
            f"{type(model).__name__} draws code by code, and a graph would hold the network of the prior for "
            "each of them: export its 'decode', or sample in Python."
        )
    _refuse_counts(model, what)
    inputs, kinds = graph_inputs(model, what)
    program = _traced(model, what, inputs)
    program.model.metadata_props[HEADER] = json.dumps(_description(model, what, inputs, kinds))
    make_folder(path.parent)
    write_atomically(path, lambda aside: aside.write_bytes(program.model_proto.SerializeToString()))
    return path


def _refuse_counts(model: Model, what: str) -> None:
    """Raises ValueError if samples need quantiles of count distributions, which ONNX cannot compute."""
    spaces = [field for _, field in model.space.fields] if isinstance(model.space, Table) else [model.space]
    if what == "sample" and any(isinstance(space, Count) for space in spaces):
        raise ValueError(
            f"sample of {type(model).__name__} has no ONNX form, since counts are drawn by quantiles: export "
            "its 'decode', or sample in Python."
        )


def _need_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(f"exporting needs onnx: {install_command('export')}.") from error


def graph_inputs(
    model: Model, what: str, n: int = ROWS, seed: int = 0, given: Mapping[str, Tensor] | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Returns inputs of the exported graph, with the noise that the method itself draws under `seed`.

    Args:
        model: model to export.
        what: name of the method, as in `export_onnx`.
        n: number of rows.
        seed: seed of the noise.
        given: some of the inputs by name; examples replace the missing ones.

    Returns:
        the inputs by name, and the kind of each noise input (`normal` or `uniform`).

    Raises:
        ValueError: if the method draws too often, as a Markov chain does.

    Example:
        >>> from simulacra import PPCA, Real
        >>> inputs, kinds = graph_inputs(PPCA(Real((5,)), latent=2), "sample")
        >>> {name: tuple(t.shape) for name, t in inputs.items()}, kinds["noise_z"]
        ({'noise_z': (3, 2), 'noise_x': (3, 5)}, 'normal')
    """
    word, asked, inputs = WORDS[what], Recorded(), dict(given or {})
    rng = Rng(seed, word.key, rows=range(n), device=model.device)
    if model.condition is not None and CONDITION not in inputs:
        c = example(model.condition, rng)
        inputs[CONDITION] = c.long() if isinstance(model.condition, Categorical) else c
    if word.example is not None and word.input not in inputs:
        inputs = {word.input: word.example(model, rng.at("example"), inputs.get(CONDITION)), **inputs}
    noted = Rng(seed, word.key, rows=range(n), device=model.device, source=asked)
    with evaluating(model):
        _run(model, word, inputs, noted.by_content(inputs["x"]) if word.input == "x" else noted)
    if len(asked.tensors) > MOST_NOISE:
        instead = "; export its 'step' and repeat that" if model.supports(can.HasMarkovChain) else ""
        raise ValueError(
            f"{type(model).__name__} draws {len(asked.tensors):,} times to {what}, and a graph would hold "
            f"each of them (at most {MOST_NOISE}){instead}."
        )
    return {**inputs, **asked.tensors}, asked.kinds


def _run(model: Model, word: Exportable, inputs: Mapping[str, Tensor], rng: Rng) -> Tensor:
    return word.run(model, inputs.get(word.input), rng, inputs.get(CONDITION))


# ---- tracing


class _Graph(nn.Module):
    """The method as a module whose inputs are positional."""

    def __init__(self, model: Model, word: Exportable, names: tuple[str, ...]):
        super().__init__()
        self.model, self.word, self.names = model, word, names

    def forward(self, *tensors: Tensor) -> Tensor:
        """Returns the method's output for one tensor for each name."""
        inputs = dict(zip(self.names, tensors))
        rng = Rng(0, self.word.key, rows=range(ROWS), device=self.model.device, source=Given(inputs))
        return _run(self.model, self.word, inputs, rng)


def _traced(model: Model, what: str, inputs: Mapping[str, Tensor]) -> Any:
    """Returns the method as an ONNX program with a dynamic number of rows.

    Raises:
        ValueError: if it has no ONNX form.
    """
    names, tensors = tuple(inputs), tuple(t.contiguous() for t in inputs.values())
    rows = torch.export.Dim("rows")
    shapes = tuple({0: rows} for _ in tensors)
    try:
        with evaluating(model), _quiet():
            graph = _Graph(model, WORDS[what], names).eval()
            # a first call fills the caches of spaces with real tensors, so that the trace does not
            graph(*tensors)
            # strict=False is the default only since torch 2.7
            whole = torch.export.export(graph, tensors, dynamic_shapes=(shapes,), strict=False)
            lean = torch.export.export(folded(whole), tensors, dynamic_shapes=shapes, strict=False)
            return torch.onnx.export(
                lean,
                dynamo=True,
                dynamic_shapes=shapes,  # for the name of the dimension
                verbose=False,
                opset_version=OPSET,
                input_names=names,
                output_names=[WORDS[what].output],
            )
    except Exception as error:
        if _interrupted(error):
            # tracing wraps whatever interrupts it
            raise KeyboardInterrupt from error
        raise ValueError(
            f"{what} of {type(model).__name__} has no ONNX form ({_first_cause(error)})."
        ) from error


def _interrupted(error: BaseException | None) -> bool:
    """Returns True if an interrupt is among the causes of an error, also in words."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or "KeyboardInterrupt" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _first_cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


@contextmanager
def _quiet() -> Iterator[None]:
    """Context that suppresses the exporter's messages about optional packages."""
    with held_back(logging.ERROR, "torch.onnx"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---- metadata of the file


def _description(
    model: Model, what: str, inputs: Mapping[str, Tensor], kinds: Mapping[str, str]
) -> dict[str, Any]:
    from simulacra.version import __version__

    kind_of = {WORDS[what].input: "data", CONDITION: CONDITION, **kinds}
    return {
        "format": FORMAT,
        "version": __version__,
        "model": type(model).__name__,
        "what": what,
        "inputs": [
            {
                "name": name,
                "kind": kind_of[name],
                "shape": ["rows", *t.shape[1:]],
                "dtype": str(t.dtype).removeprefix("torch."),
            }
            for name, t in inputs.items()
        ],
        "output": WORDS[what].output,
        "distribution": _distribution(model) if what == "logits" else None,
        "space": model.space.spec(),
        "condition": None if model.condition is None else model.condition.spec(),
        "conditioning": None if (chain := model.conditioning) is None or chain.plain else chain.spec(),
        "preprocessing": model.preprocessing.spec(),
        "label_names": list(model.label_names),
    }


def _distribution(model: Any) -> dict[str, Any]:
    """Describes the parameters in `logits`, and the order in which the entries are factorized."""
    numbers, members = model.head.output[0], model.head.members
    return {
        "name": model.head.name,
        "numbers": numbers,
        "members": members,
        "order": model.order.tolist(),
    }
