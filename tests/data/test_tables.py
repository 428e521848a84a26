"""Tables with columns of several kinds and gaps: csv and data frame in, the same columns out."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from data_files import write

import simulacra
from simulacra.cli import main
from simulacra.core.inputs.to_frames import columns_of
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.numeric import Numeric, Scores
from simulacra.core.spaces.plain import Binary, Count, Real
from simulacra.data import load_data

N = 157
HEADER = ["Größe in cm", "income", "visits", "grade", "city", "member"]


def mixed(gaps: float = 0.0, seed: int = 5) -> list[list[str]]:
    """Rows of a table with a column of every kind, some of whose cells are empty."""
    make = np.random.default_rng(seed)
    tall = make.normal(170, 9, N)
    columns = [
        [f"{v:.1f}" for v in tall],
        [f"{v:.2f}" for v in np.exp(make.normal(7, 1.4, N) + (tall - 170) / 20)],
        [str(v) for v in make.negative_binomial(3, 0.1, N)],
        [str(v) for v in 1 + make.integers(0, 6, N)],
        [("Basel", "Oslo", "Łódź")[int(v)] for v in (make.uniform(0, 1, N) * 3 + (tall > 175)).clip(0, 2.9)],
        [str(int(v)) for v in make.uniform(0, 1, N) < 0.3],
    ]
    rows = [list(row) for row in zip(*columns)]
    return [["" if make.uniform() < gaps else cell for cell in row] for row in rows]


def table(tmp_path, rows, header=HEADER, name="my table.csv"):
    with open(tmp_path / name, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows] if header else rows)
    return tmp_path / name


def kinds(space) -> list[type]:
    return [type(field) for _, field in space.fields]


def test_each_column_gets_its_kind(tmp_path):
    data = load_data(table(tmp_path, mixed()))
    raw = data.preprocessing.raw
    assert list(raw.names) == HEADER
    assert kinds(raw) == [Numeric, Numeric, Numeric, Ordinal, Categorical, Binary]
    assert [dict(raw.fields)[name].decimals for name in HEADER[:3]] == [1, 2, 0]
    assert dict(raw.fields)["city"].names == ("Basel", "Oslo", "Łódź")
    assert dict(raw.fields)["grade"].names == tuple("123456")
    assert kinds(data.space) == [Scores, Scores, Scores, Ordinal, Categorical, Binary]
    assert data.train.known is None


def test_the_rows_come_back_as_they_were(tmp_path):
    rows = mixed()
    data = load_data(table(tmp_path, rows), validation=0, test=0)
    back = columns_of(data.preprocessing.raw, data.train.x)
    for j, name in enumerate(HEADER):
        assert [type(back[name][0])(row[j]) for row in rows] == back[name]


def test_gaps_are_refused_or_masked(tmp_path):
    rows = mixed(gaps=0.1)
    path = table(tmp_path, rows)
    first = next((i, j) for j in range(6) for i in range(N) if rows[i][j] == "")
    with pytest.raises(ValueError, match=rf"'{HEADER[first[1]]}'.*in line {first[0] + 2}: .*missing='mask'"):
        load_data(path)
    declared = {HEADER[0]: "real", "income": "positive"}
    data = load_data(path, missing="mask", validation=0, test=0, types=declared)
    assert torch.equal(data.train.known, torch.tensor([[cell != "" for cell in row] for row in rows]))
    data.preprocessing.raw.check(data.train.x)
    # scales are those of what is known
    heights = [float(row[0]) for row in rows if row[0]]
    assert data.preprocessing.steps[-1].shift[0] == pytest.approx(np.mean(heights), rel=1e-12)
    incomes = np.log([float(row[1]) for row in rows if row[1]])
    assert data.preprocessing.steps[-1].scale[1] == pytest.approx(np.std(incomes), rel=1e-9)


def test_declared_kinds_win(tmp_path):
    path = table(tmp_path, mixed())
    (tmp_path / "types.yaml").write_text(
        "visits: real\ncity: {kind: ordinal, classes: [Oslo, Łódź, Basel]}\ngrade: categorical\n"
        "income: drop\nmember: count\n",
        encoding="utf-8",
    )
    raw = load_data(path, types=str(tmp_path / "types.yaml")).preprocessing.raw
    assert raw.names == ("Größe in cm", "visits", "grade", "city", "member")
    assert kinds(raw) == [Numeric, Real, Categorical, Ordinal, Count]
    assert dict(raw.fields)["city"].names == ("Oslo", "Łódź", "Basel")
    same = load_data(
        path,
        types={
            "visits": "real",
            "city": {"kind": "ordinal", "classes": ["Oslo", "Łódź", "Basel"]},
            "grade": "categorical",
            "income": "drop",
            "member": "count",
        },
    )
    assert same.preprocessing.raw == raw


def test_all_real_columns_are_a_vector(tmp_path):
    path = table(tmp_path, [row[:4] for row in mixed()], HEADER[:4])
    data = load_data(path, types="real")
    assert data.space == Real((4,)) and data.preprocessing.raw.names == tuple(HEADER[:4])
    model = simulacra.PPCA(data.space, latent=1)
    run = simulacra.fit(model, data, out=tmp_path / "run", progress=False)
    assert run.model.log_prob(data.test.x).kind == "exact"


BAD = {
    "unknown kind": ("visits: number", ["'number'", "kinds are"]),
    "unknown column": ("vists: count", ["'vists'", "visits"]),
    "no mapping": ("- count", ["one kind for each column"]),
    "no YAML": ("visits: [", ["cannot be read as YAML"]),
    "text as number": ("city: real", ["'city'", "declared real", "line 2"]),
    "no order": ("city: ordinal", ["'city'", "no order", "classes"]),
    "a class left out": ("city: {kind: categorical, classes: [Oslo, Basel]}", ["'Łódź'", "neither declared"]),
    "not positive": ("member: positive", ["'member'", "above 0"]),
    "no count": ("income: count", ["'income'", "whole numbers"]),
    "all dropped": ('"*": drop', ["nothing to model"]),
}


@pytest.mark.parametrize("declared, words", BAD.values(), ids=BAD)
def test_types_that_do_not_fit_are_one_sentence(tmp_path, declared, words):
    (tmp_path / "types.yaml").write_text(declared, encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        load_data(table(tmp_path, mixed()), types=str(tmp_path / "types.yaml"))
    assert "\n" not in str(caught.value) and all(word in str(caught.value) for word in words), caught.value


def test_columns_that_are_no_classes_are_refused(tmp_path):
    rows = [[f"day {i // 2}", "1.5"] for i in range(400)]
    with pytest.raises(ValueError, match=r"'day'.*200 different texts.*'drop'"):
        load_data(table(tmp_path, rows, ["day", "x"]))
    assert load_data(table(tmp_path, rows, ["day", "x"]), types={"day": "drop", "x": "real"}).space == Real(
        (1,)
    )


def test_columns_that_only_tell_rows_apart_are_left_out_and_said(tmp_path, caplog):
    rows = [[f"patient {i}", "1.5", "", str(i + 7)] for i in range(40)]
    with caplog.at_level("INFO", "simulacra"):
        data = load_data(table(tmp_path, rows, ["name", "x", "y", "no"]), missing="mask")
    assert data.preprocessing.raw.names == ("x",)
    for words in ("name (40 different texts", "y (no value in any row)", "no (a running number)"):
        assert words in caplog.text and words in data.notes["columns left out"]


def test_a_header_above_text_alone_is_found(tmp_path):
    path = write(tmp_path / "t.csv", b"sex,smoker\n" + b"f,yes\nm,no\nf,no\n" * 9)
    assert load_data(path).preprocessing.raw.names == ("sex", "smoker")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    path = table(folder, mixed(gaps=0.1))
    words = ["train", "vae", str(path), "--data.missing", "mask", "--epochs", "15", "--model.latent", "2"]
    assert main([*words, "--model.hidden", "32", "--out", str(folder / "run")]) == 0
    return path, folder / "run"


def test_a_table_in_is_a_table_out(trained, tmp_path):
    path, run = trained
    assert main(["sample", str(run), "--n", "61", "--out", str(tmp_path / "x.csv")]) == 0
    with open(tmp_path / "x.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == HEADER and len(rows) == 61
    assert {row[4] for row in rows} <= {"Basel", "Oslo", "Łódź"} and {row[5] for row in rows} <= {"0", "1"}
    assert all(row[2].isdecimal() and row[3] in "123456" and float(row[1]) > 0 for row in rows)
    # what came out can be trained on, and has the same kinds
    again = load_data(tmp_path / "x.csv", types={"visits": "numeric", "grade": "ordinal"})
    known = load_data(path, missing="mask").preprocessing.raw
    assert kinds(again.preprocessing.raw) == kinds(known)
    assert json.loads((run / "config.json").read_text())["data"]["spec"]["missing"] == "mask"


@pytest.mark.thorough
def test_evaluation_and_pictures_leave_out_what_is_missing(trained, capsys):
    _, run = trained
    assert main(["evaluate", str(run), "--k", "20"]) == 0
    assert main(["explore", str(run)]) == 0
    assert "log p(x) >=" in capsys.readouterr().out


def test_data_frames_go_in_and_come_out(trained, tmp_path):
    pd = pytest.importorskip("pandas")
    path, run = trained
    model = simulacra.load(run)
    frame = pd.read_csv(path)
    scores = model.score_samples(frame, k=5)
    assert np.array_equal(scores, model.score_samples(frame[HEADER[::-1]].astype({"city": "category"}), k=5))
    data = load_data(path, missing="mask", validation=0, test=0)
    assert np.array_equal(scores, model.score_samples(data.train.x, k=5, known=data.train.known))
    filled = model.to_dataframe(model.complete(frame, seed=3))
    assert list(filled.columns) == HEADER and not filled.isna().to_numpy().any()
    gone = frame.isna().to_numpy()
    same = filled.astype(object).to_numpy() == frame.astype(object).to_numpy()
    assert same[~gone].all()
    assert list(filled["city"].cat.categories) == ["Basel", "Oslo", "Łódź"]
    drawn = model.to_dataframe(model.sample(9, seed=1))
    assert drawn["visits"].dtype.kind == "i" and drawn["grade"].dtype.kind == "i"
    with pytest.raises(ValueError, match="no column 'visits'"):
        model.log_prob(frame.drop(columns="visits"), k=5)


def test_a_data_frame_trains_as_its_file_does(tmp_path):
    pd = pytest.importorskip("pandas")
    rows = mixed(gaps=0.1)
    path = table(tmp_path, rows)
    frame = pd.read_csv(path)
    one, other = load_data(path, missing="mask"), load_data(frame, missing="mask")
    assert one.preprocessing == other.preprocessing
    assert torch.equal(one.train.x, other.train.x) and torch.equal(one.train.known, other.train.known)
    grades = pd.Categorical(frame["city"], categories=["Oslo", "Basel", "Łódź"], ordered=True)
    raw = load_data(frame.assign(city=grades), missing="mask").preprocessing.raw
    assert dict(raw.fields)["city"] == Ordinal((), 3, ("Oslo", "Basel", "Łódź"))
    with pytest.raises(ValueError, match="missing value in row"):
        load_data(frame)


def test_a_model_that_needs_whole_rows_says_so(tmp_path):
    path = table(tmp_path, mixed(gaps=0.1))
    data = load_data(path, missing="mask", types={"city": "drop", "*": "real"})
    with pytest.raises(ValueError, match="GAN does not leave out of its loss"):
        simulacra.fit(simulacra.GAN(data.space), data, out=tmp_path / "run")


def test_nan_in_an_array_is_missing_on_request(tmp_path):
    make = np.random.default_rng(2)
    x = make.normal(3, 2, (83, 5))
    x[make.uniform(size=x.shape) < 0.2] = np.nan
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match=r"missing or infinite value.*missing='mask'"):
        load_data(tmp_path / "x.npy")
    data = load_data(tmp_path / "x.npy", missing="mask", validation=0, test=0)
    assert np.array_equal(data.train.known.numpy(), ~np.isnan(x)) and data.space == Real((5,))
    step = data.preprocessing.steps[0]
    np.testing.assert_allclose(step.shift, np.nanmean(x, 0), rtol=1e-6)
    np.testing.assert_allclose(step.scale, np.nanstd(x, 0), rtol=1e-6)
    run = simulacra.fit(simulacra.PPCA(data.space, latent=2), data, out=tmp_path / "run", progress=False)
    assert run.model.log_prob(data.train.x, known=data.train.known).kind == "exact"
