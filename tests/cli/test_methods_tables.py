"""Methods on the rows of a table: the answers are those of Python, and the rows stay letter for letter."""

from __future__ import annotations

import gzip
import io
import sys

import numpy as np
import pytest
import torch
from installed_package import install
from method_files import SPACE, column, frame, numbers, read, saved, table, write

import simulacra
from simulacra import Real, Table
from simulacra.core.inputs.to_frames import columns_of
from simulacra.core.methods import rows as chunking
from simulacra.core.storage.files import read_json

pytestmark = pytest.mark.fault("wider.2")
N = 2100  # rows, in three chunks


@pytest.fixture
def model(tmp_path):
    """A VAE of a mixed table, in model.safetensors."""
    return saved(tmp_path / "model.safetensors")


@pytest.fixture
def maps(tmp_path_factory, monkeypatch):
    """The package of models that denoise, translate and predict."""
    install("mapping_models", tmp_path_factory.mktemp("site"), monkeypatch)
    import mapping_models

    return mapping_models


def test_scores_are_those_of_python_and_rows_stay_letter_for_letter(cli, model, tmp_path):
    lines = table(N, gaps=0.1)
    write(tmp_path / "new.csv", lines)
    done = cli("score", "model.safetensors", "new.csv", "--k", 3, "--seed", 5, "--out", "deep/out.csv")
    # one sentence on the rows whose bound rests on few of the three samples, and nothing else
    assert done.code == 0 and len(done.err.splitlines()) == 1 and "importance samples" in done.err
    text = (tmp_path / "deep/out.csv").read_text()
    found = model.log_prob(frame(tmp_path / "new.csv"), k=3, seed=5)
    assert column(text, "log_prob") == numbers(found.values)
    assert column(text, "anomaly_score") == numbers(
        model.anomaly_score(frame(tmp_path / "new.csv"), k=3, seed=5)
    )
    assert set(column(text, "log_prob_kind")) == {found.kind} == {"lower"}
    assert column(text, "effective_samples") == [str(round(n, 1)) for n in found.effective.tolist()]
    assert [line.rsplit(",", 4)[0] for line in text.splitlines()] == lines
    assert f"{N:,} rows, mean log p(x) >= {found.mean:.2f} +- {found.error:.2f} nats" in done.out
    assert "k=3), seed 5: deep/out.csv" in done.out


def test_codes_are_those_of_python_in_a_table_and_in_an_array(cli, model, tmp_path):
    write(tmp_path / "new.csv", table(N))
    z = model.encode(frame(tmp_path / "new.csv"))
    done = cli("encode", "model.safetensors", "new.csv")
    assert done.code == 0 and read(done.out)[0][-2:] == ["z1", "z2"]
    assert [column(done.out, name) for name in ("z1", "z2")] == [numbers(c) for c in z.T.tolist()]
    assert "2,100 rows, codes, seed 0" in done.err
    for name in ("z.npy", "z.npz"):
        assert cli("encode", "model.safetensors", "new.csv", "--out", name).code == 0
        stored = np.load(tmp_path / name)
        assert np.array_equal(stored["x"] if name.endswith("z") else stored, z.numpy())


def test_completions_are_those_of_python_and_fill_gaps_alone(cli, model, tmp_path, monkeypatch):
    monkeypatch.setattr(chunking, "CHUNK", 8)
    lines = table(20, gaps=0.3)
    write(tmp_path / "new.csv", lines, "\r\n")
    done = cli("complete", "model.safetensors", "new.csv", "--seed", 3, "--n", 2, "--out", "out.csv")
    assert done.code == 0 and "2 completions each, seed 3" in done.out
    text = (tmp_path / "out.csv").read_bytes().decode()
    names, cells = read(text)
    assert names[-1] == "draw" and [row[-1] for row in cells] == ["1", "2"] * 20
    before = read("\n".join(lines))[1]
    for draw in (1, 2):
        x = columns_of(SPACE, model.complete(frame(tmp_path / "new.csv"), seed=2 + draw))
        for i, (old, new) in enumerate(zip(before, cells[draw - 1 :: 2])):
            for name, was, now in zip(names, old, new):
                value = x[name][i] if name in x else None
                assert now == (was or (value if isinstance(value, str) else repr(value))), (i, name)
    whole = [i for i, row in enumerate(before) if all(row)]
    assert whole and text.count("\r\n") == 41
    # a row without a gap is not written anew: even its quotation marks are as they were
    assert all(f"{lines[i + 1]},1\r\n{lines[i + 1]},2\r\n" in text for i in whole)


def test_point_estimates_are_those_of_python_whatever_the_chunks(cli, model, tmp_path, monkeypatch):
    write(tmp_path / "new.csv", table(20, gaps=0.3))
    x = columns_of(SPACE, model.complete(frame(tmp_path / "new.csv"), point="mean", draws=30))
    monkeypatch.setattr(chunking, "CHUNK", 8)
    words = ("complete", "model.safetensors", "new.csv", "--point", "mean", "--draws", 30, "--out", "out.csv")
    done = cli(*words)
    assert done.code == 0 and "by the mean of 30 draws, seed 0" in done.out
    text = (tmp_path / "out.csv").read_text()
    np.testing.assert_allclose(np.array(column(text, "age"), float), x["age"], rtol=1e-4)
    assert column(text, "sex") == x["sex"]
    refused = cli(*words[:-2], "--n", 5)
    assert refused.code == 2 and "leave out --n, or --point for draws" in refused.err


def test_answers_do_not_depend_on_chunks(cli, model, tmp_path, monkeypatch):
    """Values agree to rounding, as matrix products of other sizes do; completions of draws are the same."""
    write(tmp_path / "new.csv", table(20, gaps=0.2))
    found = {}
    for chunk in (2, 3, 20):
        monkeypatch.setattr(chunking, "CHUNK", chunk)
        done = cli("score", "model.safetensors", "new.csv", "--k", 2)
        found[chunk] = np.array(column(done.out, "log_prob"), float)
        assert done.code == 0 and len(found[chunk]) == 20
        filled = cli("complete", "model.safetensors", "new.csv", "--seed", 1).out
        assert found.setdefault("sex", column(filled, "sex")) == column(filled, "sex")
        np.testing.assert_allclose(found[chunk], found[2], rtol=1e-5)


def test_classes_are_those_of_python(cli, maps, tmp_path):
    model = maps.Sorts(Table(a=Real(), b=Real()))
    model.label_names = ("=low", "high")
    model.save(tmp_path / "sorts.safetensors")
    write(tmp_path / "new.csv", ["b,a", "0,0.5", "1,-2", "2,3"])
    x = {"a": [0.5, -2.0, 3.0], "b": [0.0, 1.0, 2.0]}
    p = simulacra.load("sorts.safetensors").classify(x)
    done = cli("classify", "sorts.safetensors", "new.csv")
    assert [column(done.out, f"p({name})") for name in model.label_names] == [
        numbers(c) for c in p.T.tolist()
    ]
    assert column(done.out, "predicted") == ["high", "=low", "high"] == model.predict(x).tolist()
    assert column(cli("predict", "sorts.safetensors", "new.csv").out, "predicted") == ["high", "=low", "high"]
    escaped = cli("predict", "sorts.safetensors", "new.csv", "--escape_formulas", "true").out
    assert column(escaped, "predicted") == ["high", "'=low", "high"]


def test_predictions_clean_and_translated_rows_are_those_of_python(cli, maps, tmp_path):
    model = maps.Shifts(Table(a=Real(), b=Real()))
    model.save(tmp_path / "shifts.safetensors")
    write(tmp_path / "new.csv", ["id,b,a", "u,0.25,0.5", "v,1,-2", "w,2,3"])
    x = frame(tmp_path / "new.csv")
    done = cli("predict", "shifts.safetensors", "new.csv")
    sums = model.predict(x)
    assert [column(done.out, f"predicted{j}") for j in (1, 2)] == [numbers(c) for c in sums.T]
    assert column(done.out, "predicted1") == numbers([0.75, -1.0, 5.0])
    for words, rows in (
        (("denoise", "--level", 0.25, "--seed", 4), model.denoise(x, level=0.25, seed=4)),
        (("denoise",), model.denoise(x)),
        (("translate", "--to", "mirrored"), model.translate(x, to="mirrored")),
    ):
        done = cli(words[0], "shifts.safetensors", "new.csv", *words[1:])
        values = columns_of(model.preprocessing.raw, rows)
        assert done.code == 0 and column(done.out, "id") == ["u", "v", "w"]
        assert {name: column(done.out, name) for name in "ab"} == {n: numbers(v) for n, v in values.items()}
    assert torch.equal(rows, -model.translate(x, to=0))
    write(tmp_path / "gaps.csv", ["id,b,a,t", "u,0.25,0.5,x", "v,1,,y"])
    done = cli("translate", "shifts.safetensors", "gaps.csv", "--to", "same")
    assert done.code == 3 and done.out.splitlines()[1:] == ["u,0.25,0.5,x", "v,,,y"]
    write(tmp_path / "none.csv", ["id,b,a,t", "u,0.25,,x"])
    done = cli("denoise", "shifts.safetensors", "none.csv", "--out", "o.csv")
    assert done.code == 2 and "no row of none.csv has an answer" in done.err
    assert not (tmp_path / "o.csv").exists()


def test_a_row_has_the_same_translation_alone_and_in_any_batch(maps):
    model = maps.Shifts(Real((2,)))
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    whole = model.denoise(x, seed=1)
    assert torch.equal(model.denoise(x[:3], seed=1), whole[:3])
    assert torch.equal(model.denoise(x[7:9].flip(0), seed=1), whole[7:9].flip(0))
    assert not torch.equal(model.denoise(x[:3], seed=2), whole[:3])


def test_a_table_is_piped(cli, model, tmp_path, monkeypatch):
    lines = table(30)
    write(tmp_path / "new.csv", lines)
    plain = cli("score", "model.safetensors", "new.csv", "--k", 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
    piped = cli("score", "model.safetensors", "-", "--k", 2)
    assert piped.code == plain.code == 0 and piped.out == plain.out
    assert len(read(piped.out)[1]) == 30 and "nats" not in piped.out and "nats" in piped.err
    assert not sys.stdin.buffer.closed
    (tmp_path / "new.csv.gz").write_bytes(gzip.compress((tmp_path / "new.csv").read_bytes()))
    assert cli("score", "model.safetensors", "new.csv.gz", "--k", 2).out == plain.out


def test_a_run_reads_new_rows_in_its_own_dialect(cli, tmp_path):
    """Semicolons, decimal commas, a word for gaps and a title; a file of another dialect is read in that."""
    rng = np.random.default_rng(0)
    body = [
        f"{a:.2f};{b:.1f};{'xy'[k]}".replace(".", ",")
        for a, b, k in zip(*rng.normal(size=(2, 60)), [0, 1] * 30)
    ]
    write(tmp_path / "t.csv", ["a;b;sort", "leer;1,5;x", *body])
    words = [
        "--model.latent",
        2,
        "--model.hidden",
        4,
        "--epochs",
        1,
        "--data.missing",
        "mask",
        "--out",
        "run",
    ]
    words += ["--data.missing_values", "leer", "--data.label", "sort", "--data.condition", "label"]
    assert cli("train", "vae", "t.csv", *words).code == 0
    assert read_json(tmp_path / "run" / "config.json")["data"]["spec"]["decimal"] == ","
    write(tmp_path / "own.csv", ["some title", "id;sort;b;a", "1;x;0,5;leer", "2;y;1,5;-0,25"])
    done = cli("score", "run", "own.csv", "--k", 3)
    added = "log_prob;anomaly_score;log_prob_kind;effective_samples"
    assert done.code == 0 and done.out.splitlines()[0] == f"id;sort;b;a;{added}"
    x, c = {"a": [None, -0.25], "b": [0.5, 1.5]}, ["x", "y"]
    found = numbers(simulacra.load("run").log_prob(x, c, k=3).values)
    assert [line.split(";")[4].replace(",", ".") for line in done.out.splitlines()[1:]] == found


def test_truth_is_known_in_any_letters(cli, tmp_path):
    space = Table(
        a=Real(), ok=simulacra.Categorical((), 2, ("False", "True")), yes=simulacra.Binary(truth=True)
    )
    saved(tmp_path / "m.safetensors", simulacra.VAE, space, latent=2, hidden=(5,))
    write(tmp_path / "a.csv", ["a,ok,yes", "1,True,1", "2,False,0"])
    write(tmp_path / "b.csv", ["a,ok,yes", "1,TRUE,True", "2,false,false"])
    a, b = (cli("score", "m.safetensors", name, "--k", 2) for name in ("a.csv", "b.csv"))
    assert a.code == b.code == 0 and column(a.out, "log_prob") == column(b.out, "log_prob"), b.err
