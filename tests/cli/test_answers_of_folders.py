"""Answers of folders: every file has one, under a name that no other has, and of tiles the whole picture."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from installed_package import install
from method_files import saved
from PIL import Image

import simulacra
from simulacra import Audio, Levels
from simulacra.core.numerics.stitched import stitched
from simulacra.core.preprocessing.images import save_png
from simulacra.core.spaces.audio import write_wav
from simulacra.data.audio.wav import read_wav
from simulacra.exploration.pictures.completion import known_part

SIDE = 4
names = pytest.mark.fault("outside 1.w2a.1")
tiles = pytest.mark.fault("outside 1.w2a.2")


def grey(path: Path, *shape: int, seed: int = 0) -> np.ndarray:
    """A file with a grey picture that is new for each seed; its pixels."""
    x = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, x, photometric="minisblack")
    else:
        Image.fromarray(x).save(path)
    return x


def pixels(path: Path) -> np.ndarray:
    """The pixels of a grey picture."""
    with Image.open(path) as image:
        return np.array(image)


def below(folder: Path) -> list[str]:
    """Names of all files of a folder."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def denoiser(path: Path) -> simulacra.Model:
    """A denoiser with random weights."""
    space = Levels((1, SIDE, SIDE), 256)
    more = {"latent": 3, "hidden": (5,), "net": "mlp", "corruption": "gaussian:0.2"}
    return saved(path, simulacra.Autoencoder, space, **more)


@pytest.fixture
def tiled(cli, tmp_path):
    """A VAE that was trained on tiles of photographs."""
    grey(tmp_path / "photos/a.png", 12, 12)
    grey(tmp_path / "photos/b.png", 8, 16, seed=1)
    small = ("--data.tile", SIDE, "--model.latent", 2, "--model.hidden", "[5]", "--data.validation", 0)
    done = cli("train", "vae", "photos", *small, "--data.test", 0, "--epochs", 1, "--out", "run")
    assert done.code == 0, done.err
    return simulacra.load("run")


@names
@pytest.mark.parametrize(
    "files",
    [
        {"x.bmp": (4, 5), "x.tif": (5, 4), "x.png": (6, 6)},  # one stem, and one of them is a .png
        {"x.bmp": (4, 5), "x.tif": (5, 4), "x-2.png": (6, 6)},  # the number of a second one is a name
        {"t.tif": (2, 4, 4), "t-2.png": (5, 5), "u.bmp": (4, 7)},  # a second page likewise
        {"d/x.png/y.png": (4, 4), "d/x.bmp": (5, 5)},  # a folder is called as an answer would be
        {"x.bmp": (4, 4), "x.tif": (5, 4), "x.bmp.png": (5, 5), "x.bmp.tif": (4, 6)},
        {"s.PNG": (4, 4), "S.bmp": (5, 4)},
    ],
    ids=lambda files: " ".join(files),
)
def test_no_answer_is_lost_or_has_the_name_of_another(cli, tmp_path, files):
    model = denoiser(tmp_path / "m.safetensors")
    pages = {}
    for i, (name, shape) in enumerate(files.items()):
        x = grey(tmp_path / "in" / name, *shape, seed=i)
        pages[name] = [x] if x.ndim == 2 else list(x)
    done = cli("denoise", "m.safetensors", "in", "--level", 0.1, "--out", "out")
    assert done.code == 0, done.err
    clean = lambda t: model.denoise(t, level=0.1)
    expected = {
        stitched(clean, torch.tensor(x)[None], (SIDE, SIDE)).numpy().tobytes(): name
        for name, of in pages.items()
        for x in of
    }
    found = {pixels(tmp_path / "out" / name).tobytes(): name for name in below(tmp_path / "out")}
    assert found.keys() == expected.keys()
    for content, name in found.items():
        # an answer has the stem of its file, and the very name of a file only if it is the answer to it
        assert name.lower().startswith(str(Path(expected[content]).with_suffix("")).lower()), name
        assert name not in files or name == expected[content]


@names
def test_draws_have_names_of_their_own_too(cli, tmp_path):
    model = saved(tmp_path / "m.safetensors", simulacra.NADE, simulacra.Binary((1, SIDE, SIDE)), hidden=5)
    known, rows = known_part(model.space, "upper"), {}
    for i, name in enumerate(("a-1.png", "a-2.bmp", "a.bmp", "a.png")):
        x = (grey(tmp_path / "in" / name, SIDE, SIDE, seed=i) > 127).astype(np.uint8)
        Image.fromarray(x.astype(bool)).save(tmp_path / "in" / name)
        rows[name] = x
    words = ("complete", "m.safetensors", "in", "--known", "upper", "--seed", 2, "--n", 2, "--out", "out")
    assert cli(*words).code == 0
    assert len(below(tmp_path / "out")) == 8
    stem = {"a-1.png": "a-1", "a-2.bmp": "a-2", "a.bmp": "a.bmp", "a.png": "a"}
    for j in (1, 2):
        filled = model.complete(np.stack(list(rows.values()))[:, None], known=known, seed=1 + j).numpy()
        for x, name in zip(filled, rows):
            assert np.array_equal(pixels(tmp_path / f"out/{stem[name]}-{j}.png"), x[0].astype(bool)), name


@names
def test_names_are_unique_for_any_files():
    """Every set of four names of a small alphabet, each with two pages and two draws."""
    from simulacra.cli.methods.in_files import Names

    rng = np.random.default_rng(0)
    every = [
        f"{s}{e}" for s in ("a", "a-2", "A", "a.png", "a.bmp", "a.png/a") for e in (".png", ".bmp", ".PNG")
    ]
    for _ in range(300):
        files = sorted(str(name) for name in rng.choice(every, 4, replace=False))
        given = Names(files, ".png")
        drawn = [name for file in files for _ in range(2) for name in given.of(file, 2)]
        assert len(set(drawn)) == 16, files
        alone = Names(files, ".png")
        first = {file: next(alone.of(file, 1)) for file in files}
        assert all(first[file] == file for file in files if file.endswith(".png")), files


@tiles
def test_tiles_are_completed_to_whole_pictures(cli, tiled, tmp_path):
    sizes = {"c/a.png": (9, 14), "c/b.png": (4, 4), "d/p.tif": (2, 8, 5)}
    photos = {
        name: grey(tmp_path / "in" / name, *shape, seed=i) for i, (name, shape) in enumerate(sizes.items())
    }
    words = ("complete", "run", "in", "--known", "upper", "--seed", 3, "--n", 2, "--out", "out")
    done = cli(*words)
    assert done.code == 0, done.err
    whole = {"c/a": photos["c/a.png"], "c/b": photos["c/b.png"]}
    whole |= {"d/p": photos["d/p.tif"][0], "d/p-2": photos["d/p.tif"][1]}
    assert below(tmp_path / "out") == sorted(f"{name}-{j}.png" for name in whole for j in (1, 2))
    rows = simulacra.load_data("in", tile=SIDE, validation=0, test=0).train.all().x
    known = known_part(Levels((1, SIDE, SIDE), 256), "upper")
    for j in (1, 2):
        filled, at = tiled.complete(rows, known=known, seed=2 + j).numpy(), 0
        for name, x in whole.items():
            expected = x.copy()  # what no tile covers stays
            for top in range(0, x.shape[0] - SIDE + 1, SIDE):
                for left in range(0, x.shape[1] - SIDE + 1, SIDE):
                    expected[top : top + SIDE, left : left + SIDE] = filled[at, 0]
                    at += 1
            assert np.array_equal(pixels(tmp_path / f"out/{name}-{j}.png"), expected), name
        assert at == len(rows)


@tiles
def test_rows_of_tiles_say_where_they_are(cli, tiled, tmp_path):
    grey(tmp_path / "in/a.png", 9, 10)
    grey(tmp_path / "in/p, 1.tif", 2, 4, 8, seed=1)
    rows = simulacra.load_data("in", tile=SIDE, validation=0, test=0).train.all().x
    places = [("a.png", 0, t, s) for t in (0, 4) for s in (0, 4)]
    places += [("p, 1.tif", page, 0, s) for page in (0, 1) for s in (0, 4)]
    for words, name, values in (
        (("score", "run", "in", "--k", 2), "log_prob", tiled.log_prob(rows, k=2).values),
        (("encode", "run", "in"), "z1", tiled.encode(rows)[:, 0]),
    ):
        found = list(csv.DictReader(io.StringIO(cli(*words).out)))
        assert [(r["file"], *(int(r[k]) for k in ("page", "top", "left"))) for r in found] == places
        assert [r[name] for r in found] == [repr(float(v)) for v in values]


@tiles
def test_windows_of_recordings_are_put_together(cli, tmp_path):
    x = 0.3 * torch.sin(torch.arange(70.0) / 3)
    (tmp_path / "in").mkdir()
    write_wav(x, 8000, tmp_path / "in/a.wav")
    write_wav(-x[:33], 8000, tmp_path / "in/b.wav")
    small = ("--data.tile", 16, "--data.validation", 0, "--data.test", 0, "--model.latent", 2, "--epochs", 1)
    assert cli("train", "ppca", "in", *small[:-2], "--out", "run").code == 0
    found = list(csv.DictReader(io.StringIO(cli("score", "run", "in").out)))
    places = [("a.wav", str(16 * i)) for i in range(4)] + [("b.wav", "0"), ("b.wav", "16")]
    assert [(r["file"], r["start"]) for r in found] == places
    done = cli("complete", "run", "in", "--known", "first", "--seed", 1, "--out", "out")
    assert done.code == 0, done.err
    model, heard = simulacra.load("run"), read_wav(tmp_path / "in/a.wav").x
    rows = torch.stack([*heard[:64].split(16), *read_wav(tmp_path / "in/b.wav").x[:32].split(16)])
    filled = model.complete(rows, known=known_part(Audio((16,), 8000), "first"), seed=1)
    expected = torch.cat([filled[:4].flatten(), heard[64:]])
    assert torch.allclose(read_wav(tmp_path / "out/a.wav").x, expected, atol=2.0**-14)
    assert len(read_wav(tmp_path / "out/b.wav").x) == 33 and below(tmp_path / "out") == ["a.wav", "b.wav"]


@tiles
def test_pictures_of_any_size_are_translated(cli, tmp_path, tmp_path_factory, monkeypatch):
    install("mapping_models", tmp_path_factory.mktemp("site"), monkeypatch)
    import mapping_models

    mapping_models.Shifts(Levels((1, SIDE, SIDE), 256)).save(tmp_path / "m.safetensors")
    x = grey(tmp_path / "in/a.png", 7, 10)
    done = cli("translate", "m.safetensors", "in", "--to", "same", "--out", "out")
    assert done.code == 0 and np.array_equal(pixels(tmp_path / "out/a.png"), x), done.err


@pytest.mark.fault("outside 1.w3.S1")
@pytest.mark.parametrize("name", ["Smith, Jo", 'a,b"', "two\nlines", "=1+1", " blank "])
def test_names_of_files_are_one_cell(cli, tmp_path, name):
    saved(tmp_path / "m.safetensors", simulacra.VAE, Levels((1, SIDE, SIDE), 256), latent=2, hidden=(5,))
    grey(tmp_path / f"in/{name}.png", SIDE, SIDE)
    for command in ("score", "encode"):
        done = cli(command, "m.safetensors", "in", "--out", "o.csv")
        assert done.code == 0, done.err
        with open(tmp_path / "o.csv", newline="", encoding="utf-8") as file:
            header, row = csv.reader(file)
        assert row[0] == f"{name}.png" and len(row) == len(header)


@pytest.mark.fault("outside 1.w3.5")
@pytest.mark.skipif(os.name == "nt", reason="names of files are text there")
def test_a_name_that_is_no_text_is_refused_in_tables_only(cli, tmp_path):
    saved(tmp_path / "v.safetensors", simulacra.VAE, Levels((1, SIDE, SIDE), 256), latent=2, hidden=(5,))
    denoiser(tmp_path / "m.safetensors")
    save_png(
        grey(tmp_path / "in/a.png", SIDE, SIDE)[None], 256, tmp_path / "in" / os.fsdecode(b"\xff\xfe.png")
    )
    for out in ("-", "o.csv"):
        done = cli("encode", "v.safetensors", "in", "--out", out)
        assert done.code == 2 and not done.out and not (tmp_path / "o.csv").exists()
        assert "file name \\udcff\\udcfe.png in in is no UTF-8 text" in done.err and "rename" in done.err
    assert cli("denoise", "m.safetensors", "in", "--out", "out").code == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.fault("outside 1.w3.S1")
def test_a_cell_of_a_spreadsheet_with_two_lines_is_one_cell(cli, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    saved(tmp_path / "m.safetensors")
    notes = ["one\ntwo", "three\rfour", 'five"']
    cells = {"note": notes, "age": [0.5, 1.5, 2.5], "sex": ["f", "m", "m"], "pay": [1.0, 2.0, 3.5]}
    pandas.DataFrame(cells).to_parquet(tmp_path / "x.parquet")
    done = cli("score", "m.safetensors", "x.parquet", "--k", 2, "--out", "o.csv")
    assert done.code == 0, done.err
    with open(tmp_path / "o.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert [row[0] for row in rows] == notes and {len(row) for row in rows} == {len(header)}
