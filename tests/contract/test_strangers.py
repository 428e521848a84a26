"""A saved model from a stranger: whatever stands in it, the answer is a model or one sentence."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import simulacra
from contract.cases import classes
from data.refusal import sentence_of
from simulacra.cli import main
from simulacra.evaluation import read_report

CONFIG, WEIGHTS = "config.json", "model.safetensors"
HUGE = 10**9


@pytest.fixture
def saved(tmp_path) -> Path:
    """The folder of a small conditional VAE."""
    torch.manual_seed(3)
    data = classes(3)
    model = simulacra.VAE(data.space, data.condition, latent=2, hidden=(7,))
    model.save(tmp_path / "model")
    return tmp_path / "model"


# ---- the ways to lie


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


LIES: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    # names that might be executed
    "module": (config(lambda c: c.update(model="os.system")), ("'os.system'", "kind=MyModel")),
    "path": (config(lambda c: c.update(model="../../x")), ("'../../x'",)),
    "code": (config(lambda c: c.update(model="__import__('os').abort()\n")), ("catalogue",)),
    "number": (config(lambda c: c.update(model=3)), (CONFIG, "'model'")),
    "long": (config(lambda c: c.update(model="x" * 10**6)), ("catalogue",)),
    "of-this-package": (config(lambda c: c.update(model="Model")), ("catalogue",)),
    "another": (config(lambda c: c.update(model="IWAE")), ("do not belong together",)),
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
    "step-elsewhere": (config(steps({"kind": "Dequantise"})), ("preprocessing", "levels")),
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


@pytest.fixture
def executes_nothing(monkeypatch):
    """Whoever asks the system for a process fails the test."""

    def never(*_, **__):
        raise AssertionError("something was executed")

    for place in ("os.system", "os.popen", "os.fork", "os.abort", "subprocess.Popen"):
        monkeypatch.setattr(place, never, raising=False)  # some systems have no fork


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_in_one_sentence(name, saved, executes_nothing, peak_memory):
    lie, words = LIES[name]
    lie(saved)
    before = peak_memory()
    assert len(sentence_of(lambda: simulacra.load(saved), *words)) < 1000
    # nothing was allocated on the word of the configuration
    assert peak_memory() - before < 300 * 2**20


HEADER_LIES = ("module", "unknown", "latent", "shape", "step", "newer", "format", "number", "other-raw")


@pytest.mark.parametrize("name", HEADER_LIES)
def test_a_lie_in_the_header_of_one_file_is_refused(name, saved, tmp_path):
    """The same edits of the same configuration, in the other form."""
    file = tmp_path / "one.safetensors"
    simulacra.load(saved).save(file)
    with safe_open(file, framework="pt") as opened:
        found = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        (saved / CONFIG).write_text(opened.metadata()["simulacra"])
    lie, words = LIES[name]
    lie(saved)
    save_file(found, file, metadata={"simulacra": (saved / CONFIG).read_text()})
    sentence_of(lambda: simulacra.load(file), *(word for word in words if word != CONFIG))


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"format": "1"}'])
def test_a_header_that_is_none(content, saved):
    found = {"a": torch.zeros(2)}
    save_file(found, saved / "one.safetensors", metadata={"simulacra": content})
    sentence_of(lambda: simulacra.load(saved / "one.safetensors"), "one.safetensors")


def test_what_is_no_model_at_all(saved, tmp_path):
    sentence_of(lambda: simulacra.load(tmp_path / "nowhere"), "neither a run nor a saved model")
    sentence_of(lambda: simulacra.load(saved / CONFIG), "give a folder")
    sentence_of(lambda: simulacra.load(saved / WEIGHTS), "give the folder it came in")


def test_links_are_followed_in_reading_and_replaced_in_writing(saved, tmp_path, links):
    """Caches of model hubs are folders of links; what they point at is never written."""
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for name in (CONFIG, WEIGHTS):
        (snapshot / name).symlink_to(saved / name)
    expected = simulacra.load(saved).sample(3, condition=1)
    assert torch.equal(simulacra.load(snapshot).sample(3, condition=1), expected)
    (tmp_path / "secret").write_text("nothing to see")
    (snapshot / WEIGHTS).unlink()
    (snapshot / WEIGHTS).symlink_to(tmp_path / "secret")
    assert "nothing to see" not in sentence_of(lambda: simulacra.load(snapshot), WEIGHTS)
    simulacra.load(saved).save(snapshot)
    assert (tmp_path / "secret").read_text() == "nothing to see"
    assert not (snapshot / WEIGHTS).is_symlink()


@pytest.mark.parametrize("name", ["module", "latent", "step", "empty", "truncated", "nan", "newer"])
def test_the_command_line_says_it_in_one_line(name, saved, capsys, monkeypatch):
    monkeypatch.delenv("SIMULACRA_DEBUG", raising=False)
    LIES[name][0](saved)
    before = sorted(p.name for p in saved.iterdir())
    assert main(["sample", str(saved), "--n", "3"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("simulacra: error: ") and err.count("\n") == 1
    assert sorted(p.name for p in saved.iterdir()) == before


@pytest.mark.parametrize("name", ["module", "path", "hidden", "shape", "negative", "step", "other-raw"])
def test_a_run_that_lies_is_not_resumed(name, tmp_path, capsys):
    """The checkpoint knows the sizes; from Python and from the command line."""
    data = classes(3)
    model = simulacra.VAE(data.space, data.condition, latent=2, hidden=(7,))
    run = simulacra.fit(model, data, out=tmp_path / "run", epochs=1, progress=False)
    LIES[name][0](run.path)
    before = {p: p.read_bytes() for p in run.path.iterdir()}
    sentence_of(lambda: simulacra.resume(run.path, data=data))
    assert main(["train", "--resume", str(run.path)]) == 2
    assert capsys.readouterr().err.count("simulacra: error: ") == 1
    assert {p: p.read_bytes() for p in run.path.iterdir()} == before


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("estimates"),
        lambda c: c.update(estimates=[1]),
        lambda c: c.update(protocol=3),
        lambda c: c["estimates"].update(another={}),
        lambda c: c.update(findings=[{"nonesuch": 1}]),
        lambda c: c.update(format=2),
    ],
)
def test_a_report_that_lies(change, tmp_path):
    data = classes(3)
    simulacra.evaluate(simulacra.PPCA(data.space, latent=1), data, limit=9).write(tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    change(content)
    (tmp_path / "report.json").write_text(json.dumps(content))
    sentence_of(lambda: read_report(tmp_path), "report.json")


def test_models_are_loaded_in_several_threads(saved):
    """What a load counts and places is its own."""
    expected = simulacra.load(saved).sample(3, condition=1)
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: simulacra.load(saved), range(12)))
    assert all(torch.equal(model.sample(3, condition=1), expected) for model in models)


def test_a_run_whose_data_set_lies(tmp_path):
    """The data set that a run names is loaded by `load_data`, which gets nothing that it does not know."""
    data = simulacra.load_data("ring", limit=50)
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run", progress=False)
    for spec in ({"name_or_path": "ring", "nonesuch": 1}, {"command": "true"}, [1], "ring"):
        config(lambda c, spec=spec: c["data"].update(spec=spec))(run.path)
        for attempt in (simulacra.open_run, simulacra.resume):
            sentence_of(partial(attempt, run.path), "data")
