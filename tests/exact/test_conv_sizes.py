"""Images, filters and blocks that do not fit: one sentence that says which would."""

from __future__ import annotations

import pytest

from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.boltzmann.convolutional.conv_dbm import ConvDBM
from simulacra.models.boltzmann.convolutional.conv_rbm import ConvRBM

REFUSED = {
    "blocks that do not tile": (
        Binary((1, 8, 8)),
        {"kernel": 3, "pool": 4},
        "pool=4 does not tile the maps of 6x6 that kernel=3 leaves of images of 8x8: with this kernel pool "
        "may be 1, 2, 3 or 6; with this pool kernel may be 1 or 5.",
    ),
    "sides that differ": (
        Binary((1, 8, 9)),
        {"kernel": 3, "pool": 2},
        "pool=2 does not tile the maps of 6x7 that kernel=3 leaves of images of 8x9: with this kernel pool "
        "may be 1; with this pool no kernel fits.",
    ),
    "a filter larger than the image": (
        Binary((1, 8, 9)),
        {"kernel": 9},
        "kernel=9 does not fit into images of 8x9: it may be 1 to 8.",
    ),
    "no image": (
        Binary((64,)),
        {},
        "a convolutional RBM needs images (channels, height, width), but the space is Binary(shape=(64,)): "
        "take an RBM for what has no places.",
    ),
    "grey levels": (
        Levels((1, 8, 8), 17),
        {},
        "a convolutional RBM needs binary or real images, but the space is Levels(shape=(1, 8, 8), "
        "levels=17): grey levels can be drawn anew each visit (dynamic), drawn once (static) or cut "
        "(threshold); load the data with binarize='dynamic', or load them with dequantize='uniform' to keep "
        "the levels.",
    ),
    "no spread": (Real((1, 8, 8)), {"scale": 0.0}, "scale is 0.0, but a standard deviation is positive."),
    "no filter": (Binary((1, 8, 8)), {"filters": 0}, "filters is 0, but it must be at least 1."),
}


@pytest.mark.system("A13", "A15")
@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_said_in_one_sentence(name):
    space, options, sentence = REFUSED[name]
    with pytest.raises(ValueError) as refused:
        ConvRBM(space, **options)
    assert str(refused.value) == sentence


LAYERS = {
    "blocks that do not tile": (
        {"pools": (4, 1)},
        "pool=4 does not tile the maps of 6x6 that kernel=3 leaves of images of 8x8: with this kernel pool "
        "may be 1, 2, 3 or 6; with this pool kernel may be 1 or 5.",
    ),
    "blocks of the second layer": (
        {"pools": (1, 3)},
        "pool=3 does not tile the maps of 4x4 that kernel=3 leaves of the pooled maps of layer 1, of 6x6: "
        "with this kernel pool may be 1, 2 or 4; with this pool kernel may be 1 or 4.",
    ),
    "a filter larger than what is below": (
        {"kernels": (3, 4)},
        "kernel=4 does not fit into the pooled maps of layer 1, of 3x3: it may be 1 to 3.",
    ),
    "uneven lists": (
        {"pools": (2,)},
        "filters, kernels and pools are for 2, 2 and 1 layers, but each of at least two layers needs one of "
        "each: take a ConvRBM for a single layer.",
    ),
}


@pytest.mark.system("A15")
@pytest.mark.parametrize("name", LAYERS)
def test_layers_that_do_not_fit_are_said_in_one_sentence(name):
    options, sentence = LAYERS[name]
    with pytest.raises(ValueError) as refused:
        ConvDBM(Binary((1, 8, 8)), **{"filters": (5, 7), "kernels": (3, 3), "pools": (2, 1)} | options)
    assert str(refused.value) == sentence
