"""A model of another package is a model of the command line, from its entry point alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata

import pytest
from installed_package import declare, install, uninstall

import simulacra
from data.refusal import sentence_of
from simulacra.core.packages import MODELS, extension_of, extensions
from simulacra.models.catalog import CATALOG, find, listed, name_of
from simulacra.models.installed import entry_of, others

TRAIN = ("train", "tiny", "digits", "--epochs", 1, "--out", "run")


@pytest.fixture
def package(tmp_path_factory, monkeypatch):
    """The package tiny-model, installed for one test."""
    return install("tiny_model", tmp_path_factory.mktemp("site"), monkeypatch)


def test_the_command_line_has_the_model_in_all_its_commands(cli, package):
    listing = cli("models")
    assert re.search(r"^tiny +tiny-model +independent entries, .* +Nobody and Nemo 1999$", listing.out, re.M)
    assert "the model 'tiny-broken' of the package tiny-model 0.3 (tiny_model:Missing)" in listing.out
    assert listing.code == 0 and listing.out.count("Missing") == 2 and "vae" in listing.out
    described = cli("models", "tiny").out
    assert "package tiny-model 0.3" in described and "--model.scale 0.1  (a number)" in described
    assert "tiny " in cli("train", "--help").out and "--model.scale" in cli("train", "tiny", "--help").out
    assert cli(*TRAIN, "--model.scale", 0.2).code == 0
    for command in ("sample", "evaluate"):
        done = cli(command, "run", *(["--n", 5, "--out", "drawn.npy"] if command == "sample" else []))
        assert done.code == 0, done.err
    assert "log p(x) = " in done.out
    assert cli(*TRAIN[:-1], "second", "--seed", 1).code == cli("evaluate", "second").code == 0
    done = cli("compare", "run", "second")
    assert done.code == 0 and "run" in done.out and "second" in done.out, done.err


def test_a_run_opens_again_and_says_which_package_is_missing(cli, package, tmp_path):
    cli(*TRAIN)
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    assert config["extension"] == {"package": "tiny-model", "name": "tiny", "value": "tiny_model:Tiny"}
    model = simulacra.load("run")
    assert type(model).__module__ == "tiny_model" and name_of(type(model)) == "tiny"
    assert {"ForgetsNeighbours", "HasDensity"} <= {c.__name__ for c in model.capabilities()}
    assert simulacra.load_run("run").data is not None and cli("train", "--resume", "run").code == 0
    model.save("copy.safetensors")
    kind = type(simulacra.load("copy.safetensors"))
    declare(package, "tiny-model", "0.3", {MODELS: ["other = tiny_model:Tiny"]})
    sentence_of(lambda: simulacra.load("run"), "'Tiny'", "installed version 0.3", "no model 'tiny'")
    declare(package, "tiny-model", "0.3", {MODELS: ["tiny = tiny_model:ForgetsNeighbours"]})
    sentence_of(lambda: simulacra.load("run"), "tiny_model:ForgetsNeighbours", "subclass of simulacra.Model")
    uninstall(package, "tiny_model")
    for name in ("run", "copy.safetensors"):
        sentence_of(lambda: simulacra.load(name), "package 'tiny-model'", "not installed")  # noqa: B023
    assert "not installed: install it" in cli("sample", "run").err
    assert isinstance(simulacra.load("run", kind=kind), kind)


def test_what_is_broken_is_told_and_breaks_nothing(package):
    lines = [
        "vae = tiny_model:Tiny",
        "gone = no_such_module:Model",
        "text = tiny_model:__doc__",
        "raises = raising:Model",
        "leaves = leaving:Model",
        "odd = 3 / no module",
    ]
    declare(package, "bad-models", "1", {MODELS: lines})
    (package / "raising.py").write_text("raise RuntimeError('no luck')\n", encoding="utf-8")
    (package / "leaving.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    assert extension_of(MODELS, simulacra.VAE) is None
    entries, problems = listed()
    assert [e.name for e in entries] == [*CATALOG, "tiny"]
    told = "\n".join(problems)
    for words in (
        r"'vae' of the package bad-models 1 .* built in",
        "No module named 'no_such_module'",
        "text.* is no class of models",
        r"RuntimeError: no luck\)",
        r"leaves.* cannot be loaded \(SystemExit: 3\)",
        "'odd' of the package bad-models 1 .3 / no module. cannot be loaded",
    ):
        assert re.search(words, told), words
    assert find("vae").extension is None
    sentence_of(lambda: find("raises"), "'raises' of the package bad-models 1", "no luck")


def test_two_packages_with_one_name_are_refused(package):
    declare(package, "another", "2", {MODELS: ["tiny = another:Tiny"]})
    sentence_of(lambda: find("tiny"), "another and tiny-model", "uninstall all but one")
    entries, problems = others(CATALOG)
    assert not entries and any("another and tiny-model" in problem for problem in problems)


def test_the_class_says_what_the_catalogue_would(package):
    (package / "told.py").write_text(
        "import simulacra\n\n"
        "class Told(simulacra.Model):\n    '''RBM of somebody. More.'''\n"
        "    paper = 'Ng 2001'\n\n"
        "class Bare(simulacra.PPCA):\n    summary = 'a bare one'\n",
        encoding="utf-8",
    )
    declare(package, "told", "1", {MODELS: ["a = told:Told", "b = told:Bare"]})
    found = {e.name: entry_of(e) for e in extensions(MODELS) if e.package == "told"}
    assert [(e.summary, e.paper) for e in found.values()] == [
        ("RBM of somebody", "Ng 2001"),
        ("a bare one", ""),
    ]
    assert find("Bare").name == "b" and extension_of(MODELS, found["b"].load()).name == "b"


def test_a_misspelt_name_finds_it(package):
    sentence_of(lambda: find("tinny"), "did you mean 'tiny'?")


def test_built_in_models_are_known_without_metadata(monkeypatch):
    """Reading the metadata of all packages takes time at each start."""

    def refuse(**_):
        raise AssertionError("metadata were read")

    monkeypatch.setattr(metadata, "entry_points", refuse)
    assert find("vae").load() is simulacra.VAE and name_of(simulacra.VAE) == "vae"


def test_the_lookup_imports_no_torch():
    code = "import sys; from simulacra.models.catalog import names; names(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
