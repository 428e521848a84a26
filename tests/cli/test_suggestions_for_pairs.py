"""`data inspect` of pairs: models that lead c to x come first, and of them those made for pairs."""

import numpy as np
import pytest
from PIL import Image

from simulacra.cli.app import main
from simulacra.cli.options.plan import Plan
from simulacra.cli.start import build
from simulacra.core.capabilities import general as can
from simulacra.data import load_data
from simulacra.training.options import Options

WIDE = 2 * 16


def write_pictures(folder):
    folder.mkdir()
    for i in range(12):
        pixels = np.random.default_rng(i).integers(0, 256, (16, WIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")


def suggested(capsys, *words):
    """The names of the models that the commands train, in order."""
    assert main(["data", "inspect", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    return [line.split()[2] for line in lines if line.startswith("  simulacra train")]


@pytest.mark.fault("pairs 1")
@pytest.mark.parametrize("condition", ["right", "downscale:4"])
def test_models_that_lead_a_picture_to_a_picture_come_first(tmp_path, monkeypatch, capsys, condition):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "pictures")
    names = suggested(capsys, "pictures", "--data.condition", condition)
    data = load_data("pictures", condition=condition)
    models = [build(Plan(name, "pictures"), data, Options()) for name in names]
    assert len(models) == 3
    assert all(model.supports(can.Translates) for model in models)
    # the first one has no use without a picture as its condition
    with pytest.raises(ValueError, match="condition"):
        build(Plan(names[0], "pictures"), load_data("pictures"), Options())


@pytest.mark.fault("pairs 1")
def test_the_model_proposed_for_possible_pairs_was_made_for_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "pictures")
    name = suggested(capsys, "pictures")[-1]
    with pytest.raises(ValueError, match="condition"):
        build(Plan(name, "pictures"), load_data("pictures"), Options())
