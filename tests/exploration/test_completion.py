"""Named parts, several completions, and the picture of both."""

from dataclasses import replace

import matplotlib.colors
import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.transforms import Binarize
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.exploration.drawing.sheet import images_of
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.completion import (
    DRAWS,
    ROWS,
    completion_picture,
    completions,
    known_part,
    parts_of,
    shows,
)
from simulacra.exploration.rendering import style
from simulacra.exploration.rendering.figure import render
from simulacra.exploration.rendering.tiles import GAP, enlarge, pixels

IMAGE = Levels((1, 5, 6), 4)


def images(n=23, condition=None):
    """Striped images: the upper half says what the lower half is."""
    torch.manual_seed(4)
    x = torch.randint(0, 4, (n, 1, 1, 6)).expand(-1, 1, 5, 6).to(torch.uint8).contiguous()
    c = torch.arange(n) % 3 if condition else None
    return simulacra.from_tensors(x, IMAGE, "stripes", c, condition)


def album(kind, data, seed=0, **arguments):
    """An album of an untrained model."""
    torch.manual_seed(1)
    more = {"condition": data.condition} if data.condition is not None else {}
    model = kind(data.space, **more, **arguments)
    model.preprocessing = data.preprocessing
    return Album(model, data, seed, [])


# ---- parts


def test_halves_of_images():
    upper, left = known_part(IMAGE, "upper"), known_part(IMAGE, "left")
    assert upper.shape == IMAGE.shape
    assert upper[0].all(1).tolist() == [True, True, False, False, False] == upper[0].any(1).tolist()
    assert left[0].all(0).tolist() == [True] * 3 + [False] * 3 == left[0].any(0).tolist()
    assert torch.equal(known_part(IMAGE, "lower"), ~upper)
    assert torch.equal(known_part(IMAGE, "right"), ~left)


def test_the_hole_is_in_the_middle():
    keep = known_part(Binary((3, 8, 9)), "centre")
    assert torch.equal(keep, keep.flip(1)) and torch.equal(keep, keep.flip(2))
    hole = ~keep[1]
    assert hole.any(1).sum() == 4 and hole.any(0).sum() == 5 and hole.sum() == 20
    assert (~known_part(Binary((1, 3, 3)), "centre")).nonzero().tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("space", [Levels((3, 5, 7), 256), Binary((35,)), Sequence((7, 5), Binary((5,)))])
def test_noise_is_a_random_half_of_its_seed(space):
    keep = known_part(space, "noise", seed=3)
    # of a colour image, whole pixels
    assert keep.reshape(-1, 35).sum(1).tolist() == [17] * (space.dims // 35)
    if space.image:
        assert torch.equal(keep[0], keep[2])
    assert torch.equal(keep, known_part(space, "noise", 3))
    assert not torch.equal(keep, known_part(space, "noise", 4))


def test_halves_of_vectors_and_sequences():
    assert known_part(Real((5,)), "first").tolist() == [True, True, False, False, False]
    steps = known_part(Sequence((7, 3), Binary((3,))), "last")
    assert steps.all(1).tolist() == [False] * 3 + [True] * 4 == steps.any(1).tolist()
    table = Table(a=Real(), b=Categorical((), 3))
    assert known_part(table, "first").tolist() == [True, False]


@pytest.mark.parametrize(
    ("space", "name", "why"),
    [
        (IMAGE, "first", "it can be upper, lower, left, right, centre, noise"),
        (Real((5,)), "upper", "it can be first, last, noise"),
        (Real(), "first", "it can be nothing"),
        (Binary((1, 1, 7)), "upper", "keeps no entry"),
        (Binary((1, 2, 2)), "centre", "keeps every entry"),
    ],
)
def test_parts_that_are_not_there(space, name, why):
    with pytest.raises(ValueError, match=why) as refusal:
        known_part(space, name)
    assert str(refusal.value).count(". ") == 0


# ---- draws


@pytest.mark.parametrize("kind", [simulacra.NADE, simulacra.GatedPixelCNN, simulacra.EoNADE, simulacra.VAE])
def test_completions_keep_what_is_known_and_differ_in_the_rest(kind):
    given = album(kind, images())
    x, keep = given.held_out.rows(torch.arange(2)).x, known_part(IMAGE, "upper")
    drawn = completions(given.model, x, keep, draws=7, seed=5)
    assert drawn.shape == (7, 2, *IMAGE.shape) and drawn.dtype == x.dtype
    assert bool((drawn[:, :, keep] == x[:, keep]).all())
    assert torch.equal(drawn[0], given.model.complete(x, keep, seed=5))
    assert len({tuple(d.flatten().tolist()) for d in drawn[:, 0]}) == 7
    # whatever is asked for, the first draws are the same
    assert torch.equal(drawn[:3], completions(given.model, x, keep, draws=3, seed=5))
    own = torch.stack([keep, ~keep])
    mixed = completions(given.model, x.numpy(), own.numpy(), draws=2)
    assert bool((mixed[:, own] == x[own]).all())


def test_completions_follow_the_conditional():
    """Of a tiny model, by enumeration: 4,001 draws of two bits given the other two."""
    torch.manual_seed(7)
    model = simulacra.NADE(Binary((4,)), hidden=3)
    for p in model.parameters():
        p.data.normal_()
    keep = known_part(model.space, "first")
    x = torch.tensor([[1, 0, 0, 0]], dtype=torch.uint8)
    drawn = completions(model, x, keep, draws=4001, seed=2)[:, 0]
    ends = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.uint8)
    states = torch.cat([x[:, :2].expand(4, 2), ends], 1)
    p = torch.as_tensor(model.score_samples(states)).softmax(0)
    seen = torch.stack([(drawn[:, 2:] == end).all(1).double().mean() for end in ends])
    assert ((seen - p).abs() < 5 * (p * (1 - p) / 4001).sqrt()).all()


def test_each_completion_has_the_condition_of_its_row():
    given = album(simulacra.GatedPixelCNN, images(condition=Categorical((), 3)), layers=1, channels=5)
    batch = given.held_out.rows(torch.arange(2))
    keep = known_part(IMAGE, "upper")
    drawn = completions(given.model, batch.x, keep, 3, 1, batch.c)
    assert torch.equal(drawn[0], given.model.complete(batch.x, keep, batch.c, seed=1))
    assert completions(given.model, batch.x, keep, 3, 1, 2).shape == drawn.shape
    with pytest.raises(ValueError, match="give condition="):
        completions(given.model, batch.x, keep)
    with pytest.raises(ValueError, match="condition has 3 rows for 2"):
        completions(given.model, batch.x, keep, condition=[0, 1, 2])


def test_completions_are_refused_in_one_sentence():
    model = simulacra.NADE(Binary((4,)), hidden=3)
    for known, draws, why in (
        (torch.ones(4), 2, "keeps every entry"),
        (torch.zeros(4), 2, "keeps no entry"),
        (torch.tensor([1, 0, 0, 0]), 0, "draws is 0"),
    ):
        with pytest.raises(ValueError, match=why):
            completions(model, torch.ones(3, 4), known, draws)
    with pytest.raises(ValueError, match="cannot do complete"):
        completions(simulacra.GAN(Real((4,)), latent=2), torch.ones(3, 4), torch.tensor([1, 0, 0, 0]))


# ---- the picture


def tiles(figure, size):
    """Tiles of a sheet, found by the frame around the first: shape (rows, columns, H, W, 3)."""
    canvas = figure.axes[0].images[0].get_array()
    framed = (canvas == np.array(style.FRAME)).all(2)
    top, left = np.argwhere(framed)[0]
    down = framed[top:, left].argmin() if not framed[top:, left].all() else len(framed) - top
    across = framed[top, left:].argmin()
    h, w = size
    found = canvas[top + GAP // 2 : top + down, left + GAP // 2 : left + across]
    rows, columns = down // (h + GAP), across // (w + GAP)
    return np.stack(
        [[found[r * (h + GAP) :, c * (w + GAP) :][:h, :w] for c in range(columns)] for r in range(rows)]
    )


def test_the_picture_shows_the_original_what_is_given_and_the_draws():
    given = album(simulacra.NADE, images(61), seed=3, hidden=5)
    figure = render(completion_picture(given, known="left"))
    x, keep = given.varied(ROWS).x, known_part(IMAGE, "left")
    drawn = completions(given.model, x, keep, DRAWS, 3)
    size = enlarge(pixels(images_of(IMAGE, x)), 2 + DRAWS).shape[1:3]
    seen = tiles(figure, size)
    assert seen.shape[:2] == (len(x), 2 + DRAWS)
    shown = lambda images: enlarge(pixels(images_of(IMAGE, images)), 2 + DRAWS)
    assert (seen[:, 0] == shown(x)).all()
    half = size[1] // 2
    assert (seen[:, 1, :, :half] == shown(x)[:, :, :half]).all()
    assert (seen[:, 1, :, half:] == np.array(style.FRAME)).all()
    for k in range(DRAWS):
        assert (seen[:, 2 + k] == shown(drawn[k])).all()
    words = [text.get_text() for text in figure.texts]
    assert words == ["NADE: completions given the left half", "original", "given"] + [
        f"drawn {k + 1}" for k in range(DRAWS)
    ]


def test_grey_data_that_a_model_draws_black_or_white_say_so():
    data = images()
    chain = Preprocessing(IMAGE, (Binarize("threshold", levels=4),))
    given = album(simulacra.NADE, replace(data, preprocessing=chain), hidden=5)
    title = render(completion_picture(given, n=2, draws=1)).texts[0].get_text()
    assert title == "NADE: completions given the upper half (drawn black or white)"


def test_an_expectation_is_shown_once():
    data = images()
    pca = album(simulacra.PCA, data, latent=2)
    simulacra.fit(pca.model, data, progress=False)
    assert [t.get_text() for t in render(completion_picture(pca, n=2)).texts[1:]] == [
        "original",
        "given",
        "expected",
    ]


def test_rows_of_bits_are_small_matrices():
    x = (torch.rand(40, 11, generator=torch.Generator().manual_seed(0)) < 0.4).to(torch.uint8)
    known = torch.ones(40, 11, dtype=torch.bool)
    known[:, 2] = False
    data = simulacra.from_tensors(x, Binary((11,)), "bits", known=known)
    figure = render(completion_picture(album(simulacra.NADE, data, hidden=5), n=3, draws=2))
    assert len(figure.axes) == 3
    frame = np.array(style.FRAME) / 255
    for axes in figure.axes:
        matrix = axes.images[0].get_array()
        gone = (np.abs(matrix - frame) < 1e-9).all(2)
        # what the data lack is missing in the original too
        assert gone[0].nonzero()[0].tolist() == [2]
        assert gone[1].nonzero()[0].tolist() == [2, *range(5, 11)]
        assert not gone[2:].any()
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["original", "given", "drawn 1", "drawn 2"]
        blue = np.array(matplotlib.colormaps["Blues"](1 / 1.25)[:3])
        ones = (np.abs(matrix - blue) < 1e-9).all(2)
        assert (ones[2:, [0, 1, 3, 4]] == ones[0, [0, 1, 3, 4]]).all()


def test_what_has_a_picture():
    assert shows(Table(a=Binary(), b=Real()))
    assert shows(IMAGE) and shows(Binary((2,))) and shows(Categorical((1, 4, 5), 3))
    assert not any(map(shows, [Real((4,)), Binary((1, 1, 7)), Binary((1,)), Table(a=Binary())]))
    assert list(parts_of(Real())) == []


@pytest.mark.parametrize(
    ("options", "why"), [({"n": 0}, "n is 0"), ({"draws": 0}, "draws is 0"), ({"known": "x"}, "'x'")]
)
def test_options_of_the_picture(options, why):
    with pytest.raises(ValueError, match=why):
        completion_picture(album(simulacra.NADE, images(), hidden=5), **options)
