"""The public functions refuse wrong arguments in one sentence, whichever argument and whatever was given."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.errors.calls import WrongCall

pytestmark = pytest.mark.fault("doors 2.2")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> SimpleNamespace:
    """A small data set, a run, and a table with a model of it."""
    folder = tmp_path_factory.mktemp("made")
    data = simulacra.load_data("ring", limit=40)
    model = simulacra.PPCA(data.space, latent=1)
    run = simulacra.fit(model, data, out=folder / "run", doctor=False)
    rows = [{"age": 20.5 + i % 60, "sex": "fm"[i % 2]} for i in range(80)]
    table = simulacra.load_data(rows, duplicates="keep")
    return SimpleNamespace(folder=folder, data=data, model=model, run=run, rows=rows, table=table)


def wrong(made: SimpleNamespace) -> list[Any]:
    """Twenty-two things; some are right for some arguments."""
    plain = [
        None,
        True,
        -1,
        0,
        2.5,
        math.nan,
        math.inf,
        10**30,
        "",
        "nix",
        b"x",
        [],
        {},
        (),
        {3},
        ["a", None],
    ]
    return [*plain, np.zeros((2, 3)), torch.zeros(2), made.data, made.run, simulacra.PPCA, print, object()]


def fitted(made: SimpleNamespace, **given: Any) -> Any:
    out = made.folder / f"fit-{len(list(made.folder.iterdir()))}"
    arguments = {"model": made.model, "data": made.data, "out": out, "doctor": False, "progress": False}
    return simulacra.fit(**{**arguments, **given})


Call = Callable[[SimpleNamespace, Any], Any]
CALLS: dict[str, Call] = {
    "load_data": lambda m, w: simulacra.load_data(w),
    "load_data binarize": lambda m, w: simulacra.load_data("digits", binarize=w, limit=20),
    "load_data seed": lambda m, w: simulacra.load_data("ring", seed=w, limit=20),
    "load_data limit": lambda m, w: simulacra.load_data("ring", limit=w),
    "load_data test": lambda m, w: simulacra.load_data(m.rows, test=w),
    "from_tensors": lambda m, w: simulacra.from_tensors(w, simulacra.Real((3,))),
    "from_tensors space": lambda m, w: simulacra.from_tensors(torch.zeros(9, 3), w),
    "Real": lambda m, w: simulacra.Real(w),
    "Levels": lambda m, w: simulacra.Levels((2,), w),
    "VAE space": lambda m, w: simulacra.VAE(w),
    "VAE latent": lambda m, w: simulacra.VAE(m.data.space, latent=w),
    "VAE hidden": lambda m, w: simulacra.VAE(m.data.space, hidden=w),
    "VAE dropout": lambda m, w: simulacra.VAE(m.data.space, dropout=w),
    "VAE seed": lambda m, w: simulacra.VAE(m.data.space, seed=w),
    "RBM": lambda m, w: simulacra.RBM(simulacra.Binary((3,)), hidden=w),
    "fit model": lambda m, w: fitted(m, model=w),
    "fit data": lambda m, w: fitted(m, data=w),
    "fit options": lambda m, w: fitted(m, options=w, progress=None),
    "fit epochs": lambda m, w: fitted(m, epochs=w),
    "fit batch_size": lambda m, w: fitted(m, batch_size=w),
    "fit lr": lambda m, w: fitted(m, lr=w),
    "fit device": lambda m, w: fitted(m, device=w),
    "fit callbacks": lambda m, w: fitted(m, callbacks=w),
    "evaluate": lambda m, w: simulacra.evaluate(w),
    "evaluate data": lambda m, w: simulacra.evaluate(m.model, w),
    "evaluate k": lambda m, w: simulacra.evaluate(m.run, k=w, limit=5),
    "evaluate limit": lambda m, w: simulacra.evaluate(m.run, limit=w),
    "evaluate split": lambda m, w: simulacra.evaluate(m.run, split=w, limit=5),
    "compare": lambda m, w: simulacra.compare(w),
    "compare two": lambda m, w: simulacra.compare(m.run, w),
    "load": lambda m, w: simulacra.load(w),
    "load device": lambda m, w: simulacra.load(m.run.path, device=w),
    "load kind": lambda m, w: simulacra.load(m.run.path, kind=w),
    "resume": lambda m, w: simulacra.resume(w),
    "load_run": lambda m, w: simulacra.load_run(w),
    "export_onnx": lambda m, w: simulacra.export_onnx(w, m.folder / "out.onnx"),
    "sample": lambda m, w: m.model.sample(w),
    "sample seed": lambda m, w: m.model.sample(2, seed=w),
    "sample condition": lambda m, w: m.model.sample(2, condition=w),
    "log_prob": lambda m, w: m.model.log_prob(w),
    "log_prob k": lambda m, w: m.model.log_prob(torch.zeros(2, 2), k=w),
    "log_prob known": lambda m, w: m.model.log_prob(torch.zeros(2, 2), known=w),
    "encode": lambda m, w: m.model.encode(w),
    "decode": lambda m, w: m.model.decode(w),
    "complete": lambda m, w: m.model.complete(w),
    "complete known": lambda m, w: m.model.complete(torch.zeros(2, 2), known=w),
    "save": lambda m, w: m.model.save(w),
}
# of these a number is a length, which the machine's memory or patience bounds
HUGE = {"sample", "fit epochs", "fit batch_size", "VAE latent", "RBM", "Real", "evaluate k", "log_prob k"}


@pytest.mark.parametrize("name", CALLS)
def test_twenty_wrong_things_give_a_sentence_each(made, name, tmp_path, monkeypatch):
    """Right values among them may pass; whatever is refused is refused in one sentence."""
    monkeypatch.chdir(tmp_path)
    refused = 0
    for thing in wrong(made):
        if name in HUGE and isinstance(thing, int | float) and thing > 100:
            continue  # a length, which the machine's memory or patience bounds
        try:
            CALLS[name](made, thing)
        except ValueError as error:
            refused += 1
            said = str(error)
            assert len(said) < 500 and said.rstrip().endswith((".", "?")) and "\n" not in said, said
    assert refused >= 8


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda m: simulacra.VAE((1, 8, 8)),
            r"give Binary\(\(1, 8, 8\)\), Levels\(\(1, 8, 8\), levels=256\)",
        ),
        (lambda m: simulacra.VAE(m.data), r"as in VAE\(data.space\)"),
        (lambda m: simulacra.VAE(m.data.space, latnt=2), r"VAE takes no latnt=; did you mean latent="),
        (lambda m: simulacra.VAE(m.data.space, hiden=(8,)), r"VAE takes no hiden=; did you mean hidden="),
        (lambda m: simulacra.fit(m.data, m.model), r"as in fit\(model, data\)"),
        (lambda m: simulacra.fit(m.model, "ring"), r"as in load_data\(x\)"),
        (lambda m: simulacra.fit(simulacra.PPCA, m.data), r"as in PPCA\(data.space\)"),
        (lambda m: simulacra.fit(m.run, m.data), "give run.model"),
        (lambda m: simulacra.fit(m.model), r"fit needs data: call it as fit\(model, data\)"),
        (lambda m: simulacra.fit(m.model, m.data, epoch=1), r"takes no epoch=; did you mean epochs="),
        (lambda m: simulacra.fit(m.model, m.data, device="gpu"), "did you mean 'cuda'"),
        (lambda m: simulacra.load(m.run), "give run.path"),
        (lambda m: m.model.sample(2.5), "n is 2.5, but it must be a whole number: give 2"),
        (lambda m: m.model.sample(2, sed=1), r"sample takes no sed=; did you mean seed="),
        (lambda m: m.model.log_prob(m.data.test), "as in data.test.x"),
        (lambda m: simulacra.compare(m.run), "compare needs at least two models|has no report"),
    ],
)
def test_the_sentence_names_what_to_give_instead(made, call, said):
    with pytest.raises(ValueError, match=said):
        call(made)


def test_a_wrong_call_is_also_the_type_error_of_python(made):
    with pytest.raises(TypeError):
        made.model.sample(2, sed=1)
    assert issubclass(WrongCall, ValueError)


def test_numbers_of_numpy_are_numbers(made):
    given = made.model.sample(np.int64(2), seed=np.int32(3))
    assert torch.equal(given, made.model.sample(2, seed=3))
    model = simulacra.VAE(made.data.space, latent=np.int64(2), kl_warmup=np.float32(0.5))
    assert model.arguments["latent"] == 2


def test_runs_are_compared_as_their_folders_are(made, tmp_path):
    models = [simulacra.PPCA(made.data.space, latent=1, seed=seed) for seed in (0, 1)]
    runs = [simulacra.fit(m, made.data, out=tmp_path / f"r{i}", doctor=False) for i, m in enumerate(models)]
    reports = [simulacra.evaluate(run) for run in runs]
    found = simulacra.compare(*runs)
    assert set(found.estimates) == {"r0", "r1"}
    assert found.estimates["r0"].values.tolist() == reports[0].likelihood.values.tolist()


def test_records_and_a_series_are_rows_of_a_table(made):
    pandas = pytest.importorskip("pandas")
    model = simulacra.VAE(made.table.space, latent=1, hidden=(4,))
    model.preprocessing = made.table.preprocessing
    frame = pandas.DataFrame(made.rows[:3])
    wanted = model.log_prob(frame, k=5).values
    assert torch.equal(model.log_prob(made.rows[:3], k=5).values, wanted)
    assert torch.equal(model.log_prob(frame.iloc[0], k=5).values, wanted[:1])
    assert torch.equal(model.log_prob(made.rows[0], k=5).values, wanted[:1])
    filled = model.complete([{"age": 30.5, "sex": None}])
    assert filled[0, 0] == 30.5 and filled[0, 1] in (0, 1)
    # a record that lacks a name has a missing entry there
    with_gap = simulacra.load_data([*made.rows, {"age": 3.5}], missing="mask")
    assert sum(int((~s.known).sum()) for s in with_gap.splits.values() if s.known is not None) == 1


def test_a_model_is_loaded_to_a_device(made):
    assert simulacra.load(made.run.path, device="cpu").device.type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' is not available here"):
            simulacra.load(made.run.path, device="cuda")


@pytest.mark.fault("outside 1.w3.3")
@pytest.mark.parametrize("digits", [20, 30, 31, 309, 400, 5000])
def test_a_whole_number_that_is_too_large_is_counted_and_bounded(made, digits):
    said = f"n is a number of {digits:,} digits, .*: give one of at most 19 digits"
    for number in (2 * 10 ** (digits - 1), 10**digits - 1, 1 - 10**digits):
        with pytest.raises(ValueError, match=said):
            made.model.sample(number, seed=0)
