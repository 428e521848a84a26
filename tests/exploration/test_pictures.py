"""Which pictures a model gets follows from its capabilities, its space, and whose rows they show."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

import simulacra
from contract.representatives import quick
from simulacra.core.batch import Batch
from simulacra.exploration.drawing.curves import training_curves
from simulacra.exploration.pictures.registry import PICTURES, album_of, pictures, possible
from simulacra.exploration.rendering.figure import render

PRIVATE = {"reconstructions", "completions", "neighbours", "samples_and_data", "inversions", "arithmetic"}


def ready(model, data):
    model.preprocessing, model.label_names = data.preprocessing, data.label_names
    return model


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits", binarize="dynamic", condition="label")


def small(data, latent=2, condition=None):
    torch.manual_seed(0)
    return ready(simulacra.VAE(data.space, condition, latent=latent, hidden=(8,)), data)


@pytest.mark.parametrize("latent", quick((1, 2, 3), (2,).__contains__))
def test_a_model_with_a_prior_on_images(latent, digits, tmp_path):
    drawn = pictures(small(digits, latent), digits, tmp_path)
    expected = {"samples", "random_codes", "reconstructions", "latent_map", "manifold", "interpolations"}
    assert set(drawn) == expected | {"completions", "neighbours", "arithmetic", "rates"}
    for name, path in drawn.items():
        assert (path.parent.name == "private") == (name in PRIVATE)
        with Image.open(path) as image:
            assert min(image.size) > 200 and max(image.size) < 2600
    assert "rows of the data set" in (tmp_path / "private" / "README.txt").read_text(encoding="utf-8")


def test_a_conditional_model_gets_a_row_for_each_class(digits, tmp_path):
    drawn = pictures(small(digits, 2, digits.condition), digits, tmp_path)
    assert {"samples", "random_codes", "interpolations"} <= set(drawn) and "manifold" not in drawn


def test_codes_without_a_prior_show_only_data_in_private(digits, tmp_path):
    raw = simulacra.load_data("digits")
    drawn = pictures(ready(simulacra.PCA(raw.space, latent=3), raw), raw, tmp_path)
    expected = {"reconstructions", "completions", "latent_map", "manifold", "interpolations", "arithmetic"}
    assert set(drawn) == expected
    assert drawn["interpolations"].parent.name == "private"


def test_a_table_gets_no_images(tmp_path):
    data = simulacra.from_tensors(torch.randn(100, 7), simulacra.Real((7,)))
    drawn = pictures(small(data), data, tmp_path)
    assert set(drawn) == {"samples", "samples_and_data", "latent_map", "rates", "pairs", "correlations"}
    assert drawn["samples_and_data"].parent.name == "private"


def test_public_pictures_read_no_training_row(digits, tmp_path):
    # a training split that cannot be read: only private pictures may notice
    data = replace(digits, splits={**digits.splits, "train": Unreadable()})
    with pytest.raises(AssertionError, match="training rows were read"):
        pictures(small(digits), data, tmp_path)
    public = {p.stem for p in tmp_path.glob("*.png")}
    assert public == {"samples", "random_codes", "latent_map", "rates", "manifold", "interpolations"}


class Unreadable:
    """Stands in for a training split."""

    def __len__(self) -> int:
        return 50

    def rows(self, index: torch.Tensor) -> Batch:
        """Refuse."""
        raise AssertionError("training rows were read")


def test_curves_skip_blanks_and_mark_stages():
    rows = [{"stage": "one", "step": str(i), "total_step": str(i), "loss": str(1 / i)} for i in (1, 2, 3)]
    rows += [{"stage": "one", "step": "3", "total_step": "3", "loss": "", "valid_score": "-1.5"}]
    rows += [{"stage": "two", "step": "1", "total_step": "4", "loss": "nan", "valid_score": "-1.0"}]
    score, loss = render(training_curves(rows)).axes
    assert score.lines[0].get_xydata().tolist() == [[3.0, -1.5], [4.0, -1.0]]
    assert loss.lines[0].get_xydata().tolist() == [[1.0, 1.0], [2.0, 0.5], [3.0, 1 / 3]]
    assert loss.lines[-1].get_xdata()[0] == 3.0
    assert "best -1" in score.get_title(loc="left") and score.get_xlabel() == "step"
    assert training_curves([{"step": "1", "loss": ""}]) is None


def test_other_data_are_refused(digits, tmp_path):
    with pytest.raises(ValueError, match="was built for"):
        pictures(small(digits), simulacra.load_data("ring"), tmp_path)


def test_one_picture_alone(digits, tmp_path):
    model = small(digits)
    drawn = pictures(model, digits, tmp_path, only="manifold")
    assert list(drawn) == ["manifold"] and [p.name for p in tmp_path.iterdir()] == ["manifold.png"]
    with pytest.raises(ValueError, match="no picture 'moon': VAE on digits can be drawn as samples, ran"):
        pictures(model, digits, tmp_path, only="moon")
    with pytest.raises(ValueError, match="samples takes no known: that is an option of completions"):
        pictures(model, digits, tmp_path, only="samples", known="left")
    with pytest.raises(ValueError, match="samples_and_data needs data that are no images; VAE on digits can"):
        pictures(model, digits, tmp_path, only="samples_and_data")


def test_what_is_needed_is_said(tmp_path):
    data = simulacra.from_tensors(torch.randn(21, 7), simulacra.Real((7,)))
    pca = ready(simulacra.PCA(data.space, latent=2), data)
    album = album_of(pca, data, 0, [])
    assert [picture.name for picture in possible(album)] == ["latent_map"]
    wanted = {
        "samples": "a model that samples",
        "reconstructions": "images",
        "completions": "images, a table of two columns or more, or 0/1 vectors",
        "training_curves": "a run that recorded its training",
        "random_codes": "a model that decodes codes of a prior",
        "inversions": "a model whose codes must be searched for, as it has no encoder",
        "arithmetic": "images",
        "saliency": "a model that samples",
    }
    found = {picture.name: picture.lacks(album) for picture in PICTURES}
    assert {name: found[name] for name in wanted} == wanted
