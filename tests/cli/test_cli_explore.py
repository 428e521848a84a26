"""`simulacra explore WHAT RUN`: one picture, its options, and what is refused."""

import io
import subprocess
import sys

import numpy as np
import pytest
from cli_process import finish
from PIL import Image

from simulacra.cli import main
from simulacra.cli.commands.explore import WHAT
from simulacra.exploration.pictures.registry import PICTURES
from simulacra.training.callbacks.progress import entries_shown
from simulacra.training.run import load


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    """Runs of models that draw pixel by pixel, of p(x) and of p(x|label)."""
    root = tmp_path_factory.mktemp("drawing")
    tiny = ["--data.validation", "0.1", "--model.hidden", "7", "--epochs", "1", "--samples_every", "50"]
    binary = ["--data.binarize", "static"]
    assert main(["train", "nade", "digits", *binary, *tiny, "--out", str(root / "plain")]) == 0
    given = ["--data.condition", "label"]
    assert main(["train", "fvbn", "digits", *binary, *given, *tiny, "--out", str(root / "given")]) == 0
    return root


def test_the_names_in_the_help_are_those_of_the_pictures():
    assert [name.replace("-", "_") for name in WHAT] == [picture.name for picture in PICTURES]


def test_help_names_every_picture_and_loads_no_torch(tmp_path):
    done = finish("explore", "--help", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("usage: simulacra explore [WHAT] RUN [options]")
    lines = done.stdout.splitlines()
    assert all(any(line.startswith(f"  {name} ") for line in lines) for name in WHAT)
    code = (
        "import sys; from simulacra.cli import main; main(['explore', '-h']); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("what", ["complete", "completions"])
def test_completions_alone(cli, drawing, tmp_path, what):
    done = cli("explore", what, drawing / "plain", "--known", "left", "--n", 3, "--draws", 2, "--out", what)
    assert done.code == 0, done.err
    assert done.out.split() == ["completions", f"{what}/private/completions.png"]
    files = sorted(p.relative_to(tmp_path / what).as_posix() for p in (tmp_path / what).rglob("*.*"))
    assert files == ["private/README.txt", "private/completions.png"]
    # three rows of four images of 8 x 8 pixels, 12 times enlarged
    with Image.open(tmp_path / what / "private" / "completions.png") as image:
        assert image.size[1] > 3 * 96 and image.size[1] < 4.5 * 96


def test_the_seed_and_the_part_decide_the_picture(cli, drawing, tmp_path):
    asked = {
        "a": ["--seed", "2"],
        "again": ["--seed", "2", "--known", "upper"],
        "other": ["--seed", "3"],
        "lower": ["--seed", "2", "--known", "lower"],
    }
    shown = {}
    for name, words in asked.items():
        assert cli("explore", "complete", drawing / "plain", "--n", 2, *words, "--out", name).code == 0
        shown[name] = np.asarray(Image.open(tmp_path / name / "private" / "completions.png"))
    assert np.array_equal(shown["a"], shown["again"])
    assert not np.array_equal(shown["a"], shown["other"])
    assert not np.array_equal(shown["a"], shown["lower"])


def test_completions_take_the_rows_own_condition_or_one_that_is_given(cli, drawing, tmp_path):
    for name, words in {"own": [], "same": ["--condition", "0,1"], "seven": ["--condition", "7"]}.items():
        words = ["--n", 2, *words, "--out", name]
        done = cli("explore", "complete", drawing / "given", *words)
        assert done.code == 0, done.err
    shown = [
        np.asarray(Image.open(tmp_path / name / "private" / "completions.png"))
        for name in ("own", "same", "seven")
    ]
    # the rows are the first digit of each class in turn
    assert np.array_equal(shown[0], shown[1]) and not np.array_equal(shown[0], shown[2])


def test_one_picture_of_any_name(cli, trained, tmp_path):
    for what in ("latent-map", "latent_map", "random-codes"):
        done = cli("explore", what, trained / "plain", "--out", what)
        name = what.replace("-", "_")
        assert done.code == 0 and [p.name for p in (tmp_path / what).iterdir()] == [f"{name}.png"]


# ---- a model that decodes without an encoder


@pytest.fixture(scope="module")
def game(tmp_path_factory):
    """A run of a GAN on digits."""
    run = tmp_path_factory.mktemp("game") / "run"
    tiny = ["--model.hidden", "9", "--model.latent", "3", "--epochs", "1", "--samples_every", "50"]
    assert main(["train", "gan", "digits", *tiny, "--out", str(run)]) == 0
    return run


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("invert RUN", "private/inversions"),
        ("inversions RUN --known left --n 3", "private/inversions"),
        ("arithmetic RUN", "private/arithmetic"),
        ("arithmetic RUN --a 7 --b 1 --c 4", "private/arithmetic"),
        ("interpolations RUN", "interpolations"),
        ("saliency RUN --seed 2", "saliency"),
    ],
)
def test_codes_that_no_encoder_gives(cli, game, tmp_path, line, name):
    words = [str(game) if word == "RUN" else word for word in line.split()]
    done = cli("explore", *words, "--out", "drawn")
    assert done.code == 0, done.err
    assert [p.relative_to(tmp_path / "drawn").as_posix() for p in (tmp_path / "drawn").rglob("*.png")] == [
        f"{name}.png"
    ]
    with Image.open(tmp_path / "drawn" / f"{name}.png") as image:
        assert min(image.size) > 200 and max(image.size) < 2600


def test_the_classes_decide_the_sum(cli, game, tmp_path):
    asked = {"first": "", "same": "--a 0 --b 1 --c 2", "other": "--a 0 --b 1 --c 3"}
    shown = {}
    for name, words in asked.items():
        assert cli("explore", "arithmetic", game, *words.split(), "--out", name).code == 0
        shown[name] = np.asarray(Image.open(tmp_path / name / "private" / "arithmetic.png"))
    assert np.array_equal(shown["first"], shown["same"])
    assert not np.array_equal(shown["first"], shown["other"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "arithmetic --a moon",
            "a is 'moon', but held-out rows of digits are of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9.",
        ),
        (
            "arithmetic --known left",
            "arithmetic takes no known: that is an option of completions, inversions.",
        ),
        ("invert --known uper", "known is 'uper', but for "),
        ("invert --n 0", "n is 0, but a picture needs at least one row."),
        ("invert --condition 3", "was trained without a condition: leave out --condition."),
        (
            "manifold",
            "manifold needs a model that encodes and decodes; GAN on digits can be drawn as samples,",
        ),
    ],
)
def test_what_a_game_refuses(cli, game, tmp_path, line, said):
    what, *words = line.split()
    done = cli("explore", what, game, *words)
    assert done.code == 2 and said in done.err.splitlines()[-1]
    assert "Traceback" not in done.err and not list(tmp_path.iterdir())


BAD = [
    ("explore sampels RUN", "picture 'sampels' is unknown (did you mean 'samples'?): NADE on digits can be"),
    (
        "explore zzz RUN",
        "picture 'zzz' is unknown: NADE on digits can be drawn as samples, completions, ",
    ),
    (
        "explore manifold RUN",
        "manifold needs a model that encodes and decodes; NADE on digits can be drawn as",
    ),
    ("explore samples-and-data RUN", "samples_and_data needs data that are no images; NADE on digits can be"),
    (
        "explore samples RUN --known left",
        "samples takes no known: that is an option of completions, inversions.",
    ),
    ("explore RUN --draws 3", "--draws is for one picture: simulacra explore complete "),
    ("explore RUN --a 3", "--a is for one picture: simulacra explore arithmetic "),
    ("explore invert RUN", "inversions needs a model that decodes; NADE on digits can be drawn as"),
    ("explore arithmetic RUN", "arithmetic needs a model that decodes; NADE on digits can be drawn as"),
    ("explore saliency RUN", "saliency needs a model with a critic; NADE on digits can be drawn as"),
    ("explore complete RUN --b 3", "completions takes no b: that is an option of arithmetic."),
    ("explore RUN samples", "RUN comes last: simulacra explore samples "),
    ("explore samples", "RUN is missing: simulacra explore samples RUN."),
    ("explore", "RUN is missing: simulacra explore [WHAT] RUN [options]."),
    ("explore a b c", "'c' is one word too many"),
    ("explore samples nowhere", "nowhere holds no config.json"),
    ("explore complete RUN --known uper", "known is 'uper', but for "),
    ("explore complete RUN --known first", "it can be upper, lower, left, right, centre, noise."),
    ("explore complete RUN --n 0", "n is 0"),
    ("explore complete RUN --draws 0", "draws is 0"),
    ("explore complete RUN --draws many", "--draws is 'many', but it must be a whole number."),
    ("explore complete RUN --konwn left", "did you mean '--known'?"),
    ("explore complete RUN --condition 3", "was trained without a condition: leave out --condition."),
]


@pytest.mark.parametrize(("line", "said"), BAD, ids=[line for line, _ in BAD])
def test_what_is_refused(cli, drawing, tmp_path, line, said):
    words = [str(drawing / "plain") if word == "RUN" else word for word in line.split()]
    done = cli(*words)
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith("simulacra: error: ") and said in last
    assert "Traceback" not in done.err and not list(tmp_path.iterdir())


# ---- progress


class Terminal(io.StringIO):
    """Standard error of somebody who looks."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_entries_being_drawn(cli, drawing, tmp_path, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert cli("sample", drawing / "plain", "--n", 3, "--seed", 0, "--out", "x.npy").code == 0
    assert "entry 64 of 64 |" in screen.getvalue()
    monkeypatch.undo()
    drawn = np.load(tmp_path / "x.npy")
    np.testing.assert_array_equal(drawn, load(drawing / "plain").sample(3, seed=0).numpy())


def test_nobody_else_does(cli, drawing, trained):
    done = cli("sample", drawing / "plain", "--n", 3, "--out", "x.npy")
    assert done.code == 0 and done.err == ""
    plain, at_once = load(drawing / "plain"), load(trained / "plain")
    for model, show in ((plain, False), (at_once, True)):
        with entries_shown(model, show) as watch:
            assert watch is None
