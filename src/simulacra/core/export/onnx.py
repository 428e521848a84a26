"""Models as ONNX graphs, raw in and raw out, with the noise as inputs.

A graph has no generator. What a word of the model draws is an input of its own: `noise_z`, `noise_x`. A
program elsewhere draws these numbers, the metadata says which, and the same noise gives the same answer.
Rows are the first dimension of every input and of the output, as many as one likes.
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
from simulacra.core.progress.logs import held_back
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Count
from simulacra.core.storage.files import HEADER, write_atomically
from simulacra.core.storage.migration import FORMAT

OPSET = 18
ROWS = 3  # the graph is traced with; a single row could be taken for a constant
MOST_NOISE = 16  # inputs of noise; where there are more, a chain would be unrolled
CONDITION = "condition"


@checked
def export_onnx(model: Model, path: str | Path, what: str = "decode") -> Path:
    """Write one word of a model as an ONNX graph: raw units, noise as inputs, any number of rows.

    Args:
        path: the `.onnx` file; its metadata entry `simulacra` (JSON) describes inputs and output.
        what: `decode`, `encode`, `step`, `sample` or `logits`.

    Raises:
        ValueError: if the model lacks the capability, the extra `export` is not installed, or the
            computation has no ONNX form.
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
    _refuse_counts(model, what)
    inputs, kinds = graph_inputs(model, what)
    program = _traced(model, what, inputs)
    program.model.metadata_props[HEADER] = json.dumps(_description(model, what, inputs, kinds))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda aside: aside.write_bytes(program.model_proto.SerializeToString()))
    return path


def _refuse_counts(model: Model, what: str) -> None:
    """Raise ValueError where a draw needs quantiles of counts, which no graph has."""
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
        raise ValueError("exporting needs onnx: pip install 'simulacra[export]'.") from error


def graph_inputs(
    model: Model, what: str, n: int = ROWS, seed: int = 0, given: Mapping[str, Tensor] | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Inputs of the exported graph with the noise that the word itself draws under `seed`.

    Args:
        n: number of rows.
        given: some of the inputs; examples take the place of the others.

    Returns:
        the inputs by name, and the kind of each that is noise (`normal` or `uniform`).

    Raises:
        ValueError: if the word draws so often that it is a chain.

    Example:
        >>> from simulacra import PPCA, Real
        >>> inputs, kinds = graph_inputs(PPCA(Real((5,)), latent=2), "sample")
        >>> {name: tuple(t.shape) for name, t in inputs.items()}, kinds["noise_z"]
        ({'noise_z': (3, 2), 'noise_x': (3, 5)}, 'normal')
    """
    word, asked, inputs = WORDS[what], Recorded(), dict(given or {})
    rng = Rng(seed, word.key, rows=range(n), device=model.device)
    if word.example is not None and word.input not in inputs:
        inputs[word.input] = word.example(model, rng.at("example"))
    if model.condition is not None and CONDITION not in inputs:
        c = example(model.condition, rng)
        inputs[CONDITION] = c.long() if isinstance(model.condition, Categorical) else c
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
    """The word as a function of its inputs in order."""

    def __init__(self, model: Model, word: Exportable, names: tuple[str, ...]):
        super().__init__()
        self.model, self.word, self.names = model, word, names

    def forward(self, *tensors: Tensor) -> Tensor:
        """The word's output for one tensor a name."""
        inputs = dict(zip(self.names, tensors))
        rng = Rng(0, self.word.key, rows=range(ROWS), device=self.model.device, source=Given(inputs))
        return _run(self.model, self.word, inputs, rng)


def _traced(model: Model, what: str, inputs: Mapping[str, Tensor]) -> Any:
    """The word as an ONNX program whose number of rows is open.

    Raises:
        ValueError: if it has no ONNX form.
    """
    names, tensors = tuple(inputs), tuple(t.contiguous() for t in inputs.values())
    rows = torch.export.Dim("rows")
    shapes = tuple({0: rows} for _ in tensors)
    try:
        with evaluating(model), _quiet():
            graph = _Graph(model, WORDS[what], names).eval()
            # once as it is: what spaces keep of themselves must be numbers, and no part of a trace
            graph(*tensors)
            # not strict: the default only since torch 2.7
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
        raise ValueError(
            f"{what} of {type(model).__name__} has no ONNX form ({_first_cause(error)})."
        ) from error


def _first_cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back messages of the exporter about packages that nobody asked for."""
    with held_back(logging.ERROR, "torch.onnx"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---- what the file says of itself


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
        "preprocessing": model.preprocessing.spec(),
        "label_names": list(model.label_names),
    }


def _distribution(model: Any) -> dict[str, Any]:
    """What the numbers of `logits` say, and the order in which the entries follow from each other."""
    numbers, members = model.head.output[0], model.head.members
    return {
        "name": model.head.name,
        "numbers": numbers,
        "members": members,
        "order": model.order.tolist(),
    }
