"""`simulacra export RUN`: writes a method of a trained model as an ONNX graph, to be run without Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simulacra.cli.options.command import call
from simulacra.cli.output import say


def run(words: Sequence[str]) -> int:
    """Runs `simulacra export` with the given command-line words."""
    return call("export", export, words)


def export(run: str, *, what: str = "decode", out: str | None = None) -> int:
    """Write a method of a trained model as an ONNX graph, in raw units, with its noise as inputs.

    Args:
        run: run folder or saved model.
        what: decode, encode, step (of a Markov chain), sample, or logits (of each entry given those before).
        out: output file; by default WHAT.onnx in the run folder.
    """
    from simulacra.core.export.onnx import export_onnx
    from simulacra.core.storage.folders import check_output
    from simulacra.training.run import load

    if out is not None:
        check_output(Path(out))
    home = Path(run).parent if Path(run).is_file() else Path(run)
    say(f"{what}: {export_onnx(load(run), out or home / f'{what}.onnx', what)}")
    return 0
