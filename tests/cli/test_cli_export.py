"""`simulacra export`: a graph beside the run, and refusals in one sentence."""

from importlib.util import find_spec

import pytest

NEEDED = ("onnxscript", "onnxruntime")
pytestmark = pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason="needs simulacra[export]")


def test_export_writes_a_graph_of_the_run(cli, trained, tmp_path):
    """Binarized digits: raw grey levels in, a code out."""
    import onnxruntime

    done = cli("export", trained / "plain", "--what", "encode", "--out", "encoder.onnx")
    assert done.code == 0 and "encode: encoder.onnx" in done.out
    session = onnxruntime.InferenceSession(str(tmp_path / "encoder.onnx"))
    assert [(i.name, i.shape) for i in session.get_inputs()] == [
        ("x", ["rows", 1, 8, 8]),
        ("noise_binarise", ["rows", 1, 8, 8]),
    ]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("z", ["rows", 2])]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("dream", "possible are decode, encode, step, sample, logits"),
        ("step", "needs a model that steps a Markov chain"),
        ("logits", "needs a model that factorizes into conditionals"),
    ],
)
def test_what_cannot_be_exported_is_said(cli, trained, what, why):
    done = cli("export", trained / "plain", "--what", what)
    assert done.code == 2 and why in done.err and done.err.count("\n") == 1
    assert not list((trained / "plain").glob("*.onnx"))
