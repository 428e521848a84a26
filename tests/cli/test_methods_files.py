"""Methods on arrays, images, recordings and typed tables: answers in the form of the input."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from cli_process import PROGRAM, environment, finish
from installed_package import install
from method_files import column, frame, numbers, saved, table, write
from PIL import Image

import simulacra
from simulacra import Audio, Binary, Levels, Real, Table
from simulacra.core.spaces.audio import write_wav
from simulacra.data.audio.wav import read_wav
from simulacra.exploration.pictures.completion import known_part

pytestmark = pytest.mark.fault("wider.2")
SIDE = 4


@pytest.fixture
def maps(tmp_path_factory, monkeypatch):
    """The package of models that denoise and translate."""
    install("mapping_models", tmp_path_factory.mktemp("site"), monkeypatch)
    import mapping_models

    return mapping_models


def pictures(folder, n=5):
    """Grey images in two class folders, one of them in a format that loses nothing but is no PNG."""
    x = np.random.default_rng(0).integers(0, 256, (n, 1, SIDE, SIDE), dtype=np.uint8)
    for i, row in enumerate(x):
        path = folder / ("cat" if i < 2 else "dog") / f"{i}.{'bmp' if i == 1 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(row[0]).save(path)
    return x


def test_images_have_scores_by_their_names(cli, tmp_path):
    x = pictures(tmp_path / "pics")
    classes = simulacra.Categorical((), 2, ("cat", "dog"))
    levels = Levels((1, SIDE, SIDE), 256)
    model = saved(tmp_path / "m.safetensors", simulacra.VAE, levels, condition=classes, latent=2, hidden=(5,))
    done = cli("score", "m.safetensors", "pics/", "--k", 2)
    assert done.code == 0, done.err
    assert column(done.out, "file") == ["cat/0.png", "cat/1.bmp", "dog/2.png", "dog/3.png", "dog/4.png"]
    c = ["cat", "cat", "dog", "dog", "dog"]
    assert column(done.out, "log_prob") == numbers(model.log_prob(x, c, k=2).values)
    done = cli("score", "m.safetensors", "pics", "--k", 2, "--condition", "dog")
    assert column(done.out, "log_prob") == numbers(model.log_prob(x, "dog", k=2).values)


def test_conditions_and_labels_of_an_array_have_a_key(cli, tmp_path):
    classes = simulacra.Categorical((), 2, ("0", "1"))
    model = saved(
        tmp_path / "m.safetensors", simulacra.VAE, Binary((5,)), condition=classes, latent=2, hidden=(5,)
    )
    x, y = np.eye(5, dtype=np.uint8), np.array([0, 1, 1, 0, 1])
    np.savez(tmp_path / "x.npz", x=x, y=y)
    done = cli("score", "m.safetensors", "x.npz", "--condition", "y", "--k", 2)
    assert done.code == 0, done.err
    assert column(done.out, "log_prob") == numbers(model.log_prob(x, y, k=2).values)
    refused = cli("score", "m.safetensors", "x.npz")
    assert refused.code == 2 and "x.npz has no labels" in refused.err and "--condition VALUE" in refused.err


def test_images_are_completed_to_a_folder_of_the_same_names(cli, tmp_path):
    x = pictures(tmp_path / "pics")
    x = (x > 127).astype(np.uint8)
    for i, path in enumerate(sorted((tmp_path / "pics").rglob("*.*"))):
        Image.fromarray(x[i, 0].astype(bool)).save(path)
    model = saved(tmp_path / "m.safetensors", simulacra.NADE, Binary((1, SIDE, SIDE)), hidden=5)
    known = known_part(model.space, "upper")
    upper = ("complete", "m.safetensors", "pics", "--known", "upper")
    done = cli(*upper, "--seed", 2, "--n", 2, "--out", "out/")
    assert done.code == 0 and "5 rows, 5 of them with gaps, 2 completions each, seed 2: out/" in done.out
    for j in (1, 2):
        filled = model.complete(x, known=known, seed=1 + j).numpy()
        for i, name in enumerate(["cat/0", "cat/1", "dog/2", "dog/3", "dog/4"]):
            with Image.open(tmp_path / f"out/{name}-{j}.png") as image:
                assert np.array_equal(np.array(image).astype(np.uint8), filled[i, 0]), (name, j)
    again = cli(*upper, "--out", "out/")
    assert again.code == 2 and "--out out/ holds files already" in again.err
    inside = cli(*upper, "--out", "pics/out/")
    assert inside.code == 2 and "is in the input pics" in inside.err and not (tmp_path / "pics/out").exists()
    piped = cli(*upper)
    assert piped.code == 2 and "give --out a folder" in piped.err and not piped.out
    bare = cli("complete", "m.safetensors", "pics", "--out", "o/")
    assert bare.code == 2 and "name the part that stays with --known" in bare.err
    assert not (tmp_path / "o").exists()


def test_arrays_are_completed_where_they_are_nan_or_not_known(cli, tmp_path):
    model = saved(tmp_path / "m.safetensors", simulacra.VAE, Real((3,)), latent=2, hidden=(5,))
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    known = np.arange(18).reshape(6, 3) % 4 > 0
    np.savez(tmp_path / "x.npz", x=x, known=known)
    np.save(tmp_path / "x.npy", np.where(known, x, np.nan))
    expected = model.complete(x, known=known, seed=1).numpy()
    for name in ("x.npz", "x.npy"):
        assert cli("complete", "m.safetensors", name, "--seed", 1, "--out", "done.npy").code == 0
        assert np.array_equal(np.load(tmp_path / "done.npy"), expected), name
    done = cli("complete", "m.safetensors", "x.npz", "--seed", 1, "--n", 3, "--out", "done.npz")
    drawn = np.load(tmp_path / "done.npz")["x"]
    assert done.code == 0 and drawn.shape == (3, 6, 3) and np.array_equal(drawn[0], expected)
    assert len({row.tobytes() for row in drawn}) == 3 and (drawn[:, known] == x[known]).all()
    done = cli("score", "m.safetensors", "x.npz", "--k", 2)
    assert column(done.out, "row") == [str(i) for i in range(6)]
    assert column(done.out, "log_prob") == numbers(model.log_prob(x, k=2, known=known).values)
    refused = cli("complete", "m.safetensors", "x.npy", "--out", "done.csv")
    assert refused.code == 2 and "must end in .npy or .npz" in refused.err


def test_arrays_and_images_are_translated_and_cleaned(cli, maps, tmp_path):
    maps.Shifts(Real((3,)), targets=0).save(tmp_path / "m.safetensors")
    model = simulacra.load("m.safetensors")
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    assert cli("translate", "m.safetensors", "x.npy", "--out", "y.npy").code == 0
    assert np.array_equal(np.load(tmp_path / "y.npy"), -x)
    assert cli("denoise", "m.safetensors", "x.npy", "--seed", 1, "--out", "y.npz").code == 0
    assert np.array_equal(np.load(tmp_path / "y.npz")["x"], model.denoise(x, seed=1).numpy())
    refused = cli("translate", "m.safetensors", "x.npy", "--to", "same", "--out", "z.npy")
    assert refused.code == 2 and "one target" in refused.err
    maps.Shifts(Levels((1, SIDE, SIDE), 256)).save(tmp_path / "levels.safetensors")
    x = pictures(tmp_path / "pics")
    done = cli("denoise", "levels.safetensors", "pics", "--level", 3, "--out", "clean")
    assert done.code == 0, done.err
    found = simulacra.load("levels.safetensors").denoise(x, level=3.0).numpy()
    with Image.open(tmp_path / "clean/cat/1.png") as image:
        assert np.array_equal(np.array(image), found[1, 0])
    for words, said in (((), "give to= (same, mirrored)"), (("--to", "mirored"), "did you mean 'mirrored'")):
        refused = cli("translate", "levels.safetensors", "pics", *words, "--out", "o")
        assert refused.code == 2 and said in refused.err and not (tmp_path / "o").exists()


def test_recordings_are_cleaned_to_recordings(cli, maps, tmp_path):
    maps.Shifts(Audio((16,), 8000)).save(tmp_path / "m.safetensors")
    (tmp_path / "in").mkdir()
    x = 0.3 * torch.sin(torch.arange(48.0)).view(3, 16)
    for i, row in enumerate(x):
        write_wav(row, 8000, tmp_path / f"in/{i}.wav")
    assert cli("denoise", "m.safetensors", "in", "--level", 0.1, "--seed", 2, "--out", "out").code == 0
    heard = torch.stack([read_wav(tmp_path / f"in/{i}.wav").x for i in range(3)])
    clean = simulacra.load("m.safetensors").denoise(heard, level=0.1, seed=2)
    for i in range(3):
        found = read_wav(tmp_path / f"out/{i}.wav")
        assert found.rate == 8000 and torch.allclose(found.x, clean[i], atol=2.0**-15)


def test_typed_tables_have_the_answers_of_their_text(cli, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    saved(tmp_path / "m.safetensors")
    write(tmp_path / "new.csv", table(8, gaps=0.2))
    values = pandas.DataFrame(frame(tmp_path / "new.csv"))
    values.to_parquet(tmp_path / "new.parquet")
    names = ["new.parquet"]
    if pytest.importorskip("openpyxl"):
        values.to_excel(tmp_path / "new.xlsx", index=False)
        names.append("new.xlsx")
    plain = cli("score", "m.safetensors", "new.csv", "--k", 2)
    sexes = column(cli("complete", "m.safetensors", "new.csv", "--seed", 1).out, "sex")
    for name in names:
        done = cli("score", "m.safetensors", name, "--k", 2)
        assert done.code == 0 and column(done.out, "log_prob") == column(plain.out, "log_prob"), done.err
        assert column(done.out, "note") == column(plain.out, "note")
        filled = cli("complete", "m.safetensors", name, "--seed", 1)
        assert column(filled.out, "sex") == sexes


def test_the_row_names_of_r_and_commas_at_the_ends_of_lines(cli, tmp_path):
    saved(tmp_path / "m.safetensors")
    lines = ["age,sex,pay", "0.5,f,1", "1,m,2"]
    plain = column(
        cli("score", "m.safetensors", str(write(tmp_path / "a.csv", lines)), "--k", 2).out, "log_prob"
    )
    named = ["age\tsex\tpay", "u\t0.5\tf\t1", "v\t1\tm\t2"]
    ended = ["# a comment", lines[0], *(f"{line}," for line in lines[1:])]
    marked = ["\ufeff" + lines[0], *lines[1:]]
    for name, given in (("r.tsv", named), ("ended.csv", ended), ("marked.csv", marked)):
        write(tmp_path / name, given)
        done = cli("score", "m.safetensors", name, "--k", 2)
        assert done.code == 0, done.err
        rows = [line.replace("\t", ",").split(",") for line in done.out.splitlines()]
        assert [row[-4] for row in rows] == ["log_prob", *plain] and len({*map(len, rows)}) == 1
        assert done.out.startswith("\ufeff") == (name == "marked.csv")


@pytest.mark.thorough
@pytest.mark.slow
def test_a_table_of_a_million_rows_is_scored_in_flat_memory(tmp_path):
    """Peak memory of the process for a million rows is that for 20,000, within 40 MiB."""
    simulacra.Tabular(Table(a=Real(), b=Real()), hidden=(3,)).save(tmp_path / "m.safetensors")
    peaks = []
    for n in (20_000, 1_000_000):
        block = "".join(f"{i},{i % 7 - 3},{(i * i) % 11 / 7:.3f}\n" for i in range(1000))
        with open(tmp_path / "big.csv", "w") as file:
            file.write("id,a,b\n")
            file.writelines([block] * (n // 1000))
        peaks.append(peak_of("score", "m.safetensors", "big.csv", "--out", "out.csv", cwd=tmp_path))
        with open(tmp_path / "out.csv") as file:
            assert sum(1 for _ in file) == n + 1
    assert peaks[1] - peaks[0] < 40 * 1024, peaks


def peak_of(*words, cwd):
    """Peak memory of a command in KiB; there is no such number on Windows."""
    pytest.importorskip("resource")
    code = (
        f"import resource; from simulacra.cli import main; assert main({list(words)}) == 0; "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    program = [sys.executable, "-c", code]
    done = subprocess.run(program, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.thorough
def test_commands_are_piped_into_each_other(tmp_path):
    """Two processes: standard output is the table alone, and the second adds its columns to it."""
    saved(tmp_path / "m.safetensors")
    write(tmp_path / "new.csv", table(20, gaps=0.2))
    filled = finish("complete", "m.safetensors", "new.csv", "--seed", 1, cwd=tmp_path)
    assert filled.returncode == 0 and filled.stdout.count("\n") == 21 and "with gaps" in filled.stderr
    words = ["score", "m.safetensors", "-", "--k", "2"]
    done = subprocess.run(
        [*PROGRAM, *words],
        cwd=tmp_path,
        env=environment(),
        input=filled.stdout,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and [len(line.split(",")) for line in done.stdout.splitlines()[:1]] == [9]
    assert done.stdout.count("\n") == 21 and all(column(done.stdout, "log_prob"))
