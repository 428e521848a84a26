"""A single picture is data in tiles, and new rows; a damaged file of a folder stops no other."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
from method_files import saved
from PIL import Image

import simulacra
from simulacra import Audio, Levels
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.spaces.audio import write_wav

SIDE = 5
single = pytest.mark.fault("outside 1.left.1")
damaged = pytest.mark.fault("outside 1.left.2")


def grey(path, *shape, seed=0):
    """A file with a grey picture; its pixels."""
    x = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(x).save(path)
    return x


def cut_off(path, share=0.6):
    """Leaves a file without its end."""
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def vae(path, side=SIDE):
    return saved(path, simulacra.VAE, Levels((1, side, side), 256), latent=2, hidden=(5,))


def denoiser(path):
    space = Levels((1, SIDE, SIDE), 256)
    return saved(
        path, simulacra.Autoencoder, space, latent=3, hidden=(5,), net="mlp", corruption="gaussian:0.2"
    )


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


@single
def test_a_single_picture_is_refused_with_what_works(tmp_path):
    grey(tmp_path / "one.png", 13, 21)
    with pytest.raises(Refusal) as refused:
        simulacra.load_data(tmp_path / "one.png")
    assert "unknown extension" not in str(refused.value) and "a folder of images" in str(refused.value)
    (suggestion,) = refused.value.suggestions
    data = simulacra.load_data(tmp_path / "one.png", **dict(suggestion.options))
    said = int(re.search(r"for (\d+) tile", str(refused.value))[1])
    assert data.space.shape == (1, 4, 4) and len(data.train) == said == 15


@single
def test_a_single_picture_is_inspected(cli, tmp_path):
    grey(tmp_path / "one.png", 13, 21)
    done = cli("data", "inspect", "one.png")
    assert done.code == 0 and "tile 4" in done.out.replace("=", " ") and "1 image" in done.out


@single
@pytest.mark.parametrize("options", [{"size": 4}, {"crop": 4}, {"tile": 4}])
def test_what_is_suggested_for_a_single_picture_fits_the_options(tmp_path, options):
    grey(tmp_path / "one.png", 13, 21)
    with pytest.raises(Refusal) as refused:
        simulacra.load_data(tmp_path / "one.png", **options)
    (suggestion,) = refused.value.suggestions
    assert len(simulacra.load_data(tmp_path / "one.png", **options, **dict(suggestion.options)).train) > 0


@single
def test_tiles_of_one_picture_are_those_of_a_folder_with_it(tmp_path):
    x = grey(tmp_path / "pictures/one.png", 11, 15)
    options = {"tile": SIDE, "validation": 0, "test": 0}
    one, folder = (
        simulacra.load_data(tmp_path / name, **options) for name in ("pictures/one.png", "pictures")
    )
    assert np.array_equal(one.train.x, folder.train.x) and len(one.train) == 6
    assert np.array_equal(one.train.x[0, 0], x[:SIDE, :SIDE])


@single
@pytest.mark.parametrize("command", ["score", "complete", "denoise", "encode"])
def test_a_single_picture_is_a_row(cli, tmp_path, command):
    (denoiser if command in ("denoise", "encode") else vae)(tmp_path / "run")
    x = grey(tmp_path / "one.png", SIDE, SIDE)
    grey(tmp_path / "two/one.png", SIDE, SIDE)
    more = {"complete": ("--known", "upper", "--seed", 3)}.get(command, ())
    out = {"score": "out.csv", "encode": "out.csv"}.get(command, "out.png")
    done = cli(command, "run", "one.png", *more, "--out", out)
    assert done.code == 0, done.err
    folder = cli(command, "run", "two", *more, "--out", "of-folder" + (".csv" if out.endswith("csv") else ""))
    assert folder.code == 0, folder.err
    if out.endswith("csv"):
        (found,), (wanted,) = (table((tmp_path / name).read_text()) for name in (out, "of-folder.csv"))
        assert found == wanted and found["file"] == "one.png"
        return
    read = [np.array(Image.open(tmp_path / name)) for name in (out, "of-folder/one.png")]
    assert np.array_equal(*read) and read[0].shape == x.shape
    if command == "complete":
        assert np.array_equal(read[0][:2], x[:2])


@single
def test_several_answers_for_one_picture_need_a_folder(cli, tmp_path):
    vae(tmp_path / "run")
    grey(tmp_path / "one.png", SIDE, SIDE)
    words = ("complete", "run", "one.png", "--known", "upper", "--n", 2)
    done = cli(*words, "--out", "out.png")
    assert done.code == 2 and "give --out a folder" in done.err and not (tmp_path / "out.png").exists()
    assert cli(*words, "--out", "out").code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["one-1.png", "one-2.png"]


def spoil(path, how):
    """A file that cannot be used."""
    if how == "size":
        grey(path, SIDE + 2, SIDE + 2)
    elif how == "colour":
        Image.new("RGB", (SIDE, SIDE), (1, 200, 30)).save(path)
    else:
        grey(path, SIDE, SIDE)
        path.write_bytes(b"") if how == "empty" else cut_off(path, 0.2 if how == "no header" else 0.75)


@damaged
@pytest.mark.parametrize("how", ["empty", "no header", "no end", "size", "colour"])
@pytest.mark.parametrize("command", ["score", "complete"])
def test_one_picture_that_cannot_be_used_stops_no_other(cli, tmp_path, command, how):
    vae(tmp_path / "run")
    for i, name in enumerate("abd"):
        grey(tmp_path / f"all/{name}.png", SIDE, SIDE, seed=i)
        grey(tmp_path / f"well/{name}.png", SIDE, SIDE, seed=i)
    spoil(tmp_path / "all/c.png", how)
    more = ("--known", "upper", "--seed", 3, "--point", "mean") if command == "complete" else ()
    suffix = ".csv" if command == "score" else ""
    done = {
        name: cli(command, "run", name, *more, "--out", f"{name}-out{suffix}") for name in ("all", "well")
    }
    assert done["all"].code == 3 and done["well"].code == 0
    assert "c.png" in done["all"].err and "1 row has no answer" in done["all"].err
    if command == "complete":
        assert sorted(p.name for p in (tmp_path / "all-out").iterdir()) == ["a.png", "b.png", "d.png"]
        return
    found, wanted = (table((tmp_path / f"{name}-out.csv").read_text()) for name in ("all", "well"))
    # in place, so that conditions of further rows stay theirs
    assert [row["file"] for row in found] == ["a.png", "b.png", "c.png", "d.png"]
    assert found[2]["log_prob"] == "" and [row for row in found if row["log_prob"]] == wanted


@damaged
def test_denoise_and_score_end_alike(cli, tmp_path):
    denoiser(tmp_path / "clean")
    grey(tmp_path / "all/a.png", SIDE, SIDE)
    spoil(tmp_path / "all/b.png", "no header")
    vae(tmp_path / "run")
    codes = [cli("denoise", "clean", "all", "--out", "out").code, cli("score", "run", "all").code]
    assert codes == [3, 3]
    (tmp_path / "all/a.png").write_bytes(b"no picture")
    codes = [cli("denoise", "clean", "all", "--out", "out2").code, cli("score", "run", "all").code]
    assert codes == [2, 2]


@damaged
def test_one_recording_that_cannot_be_used_stops_no_other(cli, tmp_path):
    saved(tmp_path / "run", simulacra.VAE, Audio((9,), 100), latent=2, hidden=(5,))
    (tmp_path / "all").mkdir()
    for i, name in enumerate(("a", "b", "c", "d")):
        write_wav(np.linspace(-0.5, 0.1 * i, 9), 100 if name != "d" else 50, tmp_path / f"all/{name}.wav")
    cut_off(tmp_path / "all/b.wav", 0.3)
    done = cli("score", "run", "all", "--out", "out.csv")
    assert done.code == 3 and "b.wav" in done.err and "50 samples a second" in done.err
    assert [bool(row["log_prob"]) for row in table((tmp_path / "out.csv").read_text())] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.fault("outside 1.left.4")
@pytest.mark.parametrize("command", ["score", "encode"])
def test_names_of_files_that_are_formulas_get_an_apostrophe(cli, tmp_path, command):
    vae(tmp_path / "run")
    for name in ("=1+1", "@a", "b"):
        grey(tmp_path / f"all/{name}.png", SIDE, SIDE)
    plain = cli(command, "run", "all", "--out", "plain.csv")
    assert "2 of the files have a name that begins with" in plain.err and "--escape-formulas" in plain.err
    done = cli(command, "run", "all", "--out", "out.csv", "--escape-formulas")
    assert done.code == 0 and "begins with" not in done.err
    named = [
        [row["file"] for row in table((tmp_path / name).read_text())] for name in ("plain.csv", "out.csv")
    ]
    assert named == [["=1+1.png", "@a.png", "b.png"], ["'=1+1.png", "'@a.png", "b.png"]]
