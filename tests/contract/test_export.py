"""Every exportable word of every model of the catalogue, run by onnxruntime against the word itself."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

import simulacra
from contract.cases import CATALOGUED, Case, named
from contract.declared import declared, supports
from contract.graphs import agree, needs_onnx
from contract.harness import trained
from contract.representatives import cover, quick
from contract.use import rows
from simulacra import export_onnx, load
from simulacra.core.capabilities import general as can
from simulacra.core.export.exportable import WORDS
from simulacra.core.export.noise import Given, Recorded
from simulacra.core.export.onnx import MOST_NOISE, graph_inputs
from simulacra.core.packages import install_command
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.transforms import Affine, Binarize, Dequantize
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels
from simulacra.core.storage.files import HEADER

pytestmark = needs_onnx

# draws of counts are quantiles that only scipy has
NO_GRAPH = {"vae/fields sample", "iwae/fields sample", "hierarchical-vae/fields sample"} | {
    "belief-net/nvil sample"
}
# the network of a prior over codes runs once for each of them
NO_GRAPH |= {"vq-vae sample", "vq-vae/conditional sample", "vq-vae/fields sample"}
# torch.export does not trace the gradient of a network
NO_GRAPH |= {"neural-ebm step", "neural-ebm/noise step", "neural-ebm/chains step"}
# a long chain is no graph
CHAINS = (can.HasMarkovChain, can.HasAnnealingPath, can.Continues)


def words_of(case: Case) -> list[str]:
    """The exportable words that the case's model declares."""
    return [what for what, word in WORDS.items() if supports(case.name, word.capability)]


PAIRS = {f"{case} {what}": (case, what) for case in CATALOGUED for what in words_of(case)}


def has_graph(name: str) -> bool:
    """Say whether a word is exported: a long chain is no graph, nor is a draw entry by entry."""
    case, what = PAIRS[name]
    chain = declared(case.name).entry_by_entry or supports(case.name, *CHAINS)
    return name not in NO_GRAPH and not (what == "sample" and chain)


def features(name: str) -> frozenset[str]:
    """List the traits for which a graph may stand: the word with its family, space and setting."""
    case, what = PAIRS[name]
    return frozenset(f"{what} of {trait}" for trait in declared(case.name).traits)


GRAPHS = [name for name in PAIRS if has_graph(name)]
# the first ones have most features
CHOSEN = list(cover({name: features(name) for name in GRAPHS}))[:12]


@pytest.mark.parametrize(("case", "what"), quick(GRAPHS, CHOSEN.__contains__, values=PAIRS.get))
def test_the_graph_says_what_the_word_says(case, what, tmp_path):
    """At several numbers of rows, none of them that of the tracing; the noise is that of the word."""
    import onnx

    model = trained(case)
    path = export_onnx(model, tmp_path / "sub" / "m.onnx", what)
    onnx.checker.check_model(str(path))
    assert [file.name for file in path.parent.iterdir()] == ["m.onnx"]
    for n in (1, 17):
        agree(model, path, what, n, *rows(case, n))


def test_every_word_is_exported_and_excluded_pairs_exist():
    assert PAIRS.keys() >= NO_GRAPH
    assert {PAIRS[name][1] for name in CHOSEN} == set(WORDS)


# ---- preprocessing


def levels_model(*steps, name="VAE", **arguments):
    """An untrained model of 3 x 5 grey pixels after the steps."""
    chain = Preprocessing(Levels((1, 3, 5), 256), steps)
    torch.manual_seed(4)
    made = getattr(simulacra, name)(chain.space, latent=2, **arguments)
    made.preprocessing = chain
    return made


def grey(n):
    """Grey images as bytes."""
    u = Rng(2, "grey", rows=range(n)).uniform("u", 1, 3, 5)
    return (u * 256).to(torch.uint8)


@pytest.mark.parametrize("what", ["encode", "sample"])
def test_raw_in_and_raw_out(what, tmp_path):
    """Binarization is part of the graph: its coin flips are an input, and bytes come out of `sample`."""
    model = levels_model(Binarize("dynamic"), hidden=(7,))
    path = export_onnx(model, tmp_path / "m.onnx", what)
    found = agree(model, path, what, 13, grey(13))
    if what == "encode":
        assert list(graph_inputs(model, what)[1].items()) == [("noise_binarise", "uniform")]
    else:
        assert found.dtype == np.uint8 and set(np.unique(found)) == {0, 255}


def test_dequantized_and_standardized_data_come_back_as_levels(tmp_path):
    shift, scale = tuple(0.3 + 0.01 * i for i in range(15)), tuple(0.2 + 0.02 * i for i in range(15))
    model = levels_model(Dequantize(256), Affine(shift, scale), name="PPCA")
    model.W.copy_(torch.randn(15, 2) * 0.5)
    for what in ("encode", "decode", "sample"):
        found = agree(model, export_onnx(model, tmp_path / f"{what}.onnx", what), what, 6, grey(6))
        assert what == "encode" or found.std() > 1


# ---- noise


def test_given_noise_takes_the_place_of_drawing():
    model, asked = trained(named("vae")), Recorded()
    with torch.no_grad():
        x = model.draw(Rng(3, "sample", rows=range(5), source=asked))
        assert asked.kinds == {"noise_z": "normal", "noise_x": "uniform"}
        # neither another seed nor other rows play a part
        again = model.draw(Rng(4, "else", rows=range(50, 55), source=Given(asked.tensors)))
        other = model.draw(Rng(4, "sample", rows=range(5)))
    assert torch.equal(x, again) and not torch.equal(x, other)


def test_noise_under_longer_keys_has_names_of_its_own():
    asked = Recorded()
    rng = Rng(0, "sample", rows=range(2), source=asked)
    first, second = (
        rng.at(1).on(range(2)).normal("z", 3),
        rng.at(2).per_row().bernoulli("z", torch.ones(1, 3)),
    )
    assert list(asked.tensors) == ["noise_1_z", "noise_2_z"]
    assert first.shape == second.shape == (2, 3) and list(asked.kinds.values()) == ["normal", "uniform"]


def test_what_depends_on_the_weights_alone_is_a_constant(tmp_path):
    """The gain of probabilistic PCA solves linear equations, which ONNX cannot: it is computed before."""
    import onnx

    path = export_onnx(trained(named("ppca")), tmp_path / "m.onnx", "encode")
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    # the oldest exporter leaves casts of a type to itself
    assert sorted(kind for kind in kinds if kind != "Cast") == ["MatMul", "Sub"]


# ---- what the file says


def test_the_metadata_name_inputs_spaces_and_preprocessing(tmp_path):
    import onnx

    model = trained(named("vae/conditional"))
    graph = onnx.load(export_onnx(model, tmp_path / "m.onnx", "sample"))
    said = json.loads({entry.key: entry.value for entry in graph.metadata_props}[HEADER])
    assert [opset.version for opset in graph.opset_import if not opset.domain] == [18]
    assert (said["format"], said["model"], said["what"], said["output"]) == (1, "VAE", "sample", "x")
    assert said["inputs"] == [
        {"name": "condition", "kind": "condition", "shape": ["rows"], "dtype": "int64"},
        {"name": "noise_z", "kind": "normal", "shape": ["rows", 3], "dtype": "float32"},
        {"name": "noise_x", "kind": "normal", "shape": ["rows", 3], "dtype": "float32"},
    ]
    assert said["space"] == model.space.spec() and said["condition"] == model.condition.spec()
    assert said["preprocessing"] == json.loads(json.dumps(model.preprocessing.spec()))


def test_exporting_leaves_the_model_as_it_was(tmp_path):
    model = trained(named("ppca"))
    before = {name: t.clone() for name, t in model.state_dict().items()}
    model.train()
    export_onnx(model, tmp_path / "m.onnx", "encode")
    assert model.training and list(model.state_dict()) == list(before)
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    model.save(tmp_path / "saved")
    assert torch.equal(load(tmp_path / "saved").W, model.W)


# ---- refusals


def test_a_missing_capability_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"GAN cannot do encode\(\): .*this one decodes, .*samples"):
        export_onnx(trained(named("gan")), tmp_path / "m.onnx", "encode")
    assert not list(tmp_path.iterdir())


def test_an_unknown_word_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"what is 'dream'; .* decode, encode, step, sample, logits"):
        export_onnx(trained(named("gan")), tmp_path / "m.onnx", "dream")


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_names_the_command(package, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ValueError, match=re.escape(install_command("export"))):
        export_onnx(trained(named("gan")), tmp_path / "m.onnx", "sample")


def test_a_long_chain_is_refused_for_its_step(tmp_path):
    with pytest.raises(ValueError, match=rf"draws 61 times .*at most {MOST_NOISE}.*export its 'step'"):
        export_onnx(trained(named("rbm")), tmp_path / "m.onnx", "sample")


def test_codes_that_are_drawn_one_by_one_are_refused_with_a_way_out(tmp_path):
    with pytest.raises(ValueError, match=r"VQVAE draws code by code, .*: export its 'decode', or sample"):
        export_onnx(trained(named("vq-vae")), tmp_path / "m.onnx", "sample")


def test_what_leaves_torch_has_no_graph_and_what_stood_there_stays(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="sample of VAE has no ONNX form") as refusal:
        export_onnx(trained(named("vae/fields")), path, "sample")
    assert path.read_bytes() == b"before" and [f.name for f in tmp_path.iterdir()] == ["m.onnx"]
    assert "\n" not in str(refusal.value)
