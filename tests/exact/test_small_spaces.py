"""Spaces of one entry, and kinds of data that a model cannot have: mends that exist."""

import re

import pytest

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.autoencoders.pca import PCA
from simulacra.models.autoencoders.ppca import PPCA
from simulacra.models.autoregressive.vectors.made import MADE
from simulacra.models.autoregressive.vectors.rnade import RNADE
from simulacra.models.boltzmann.restricted.rbm import RBM
from simulacra.models.catalog import CATALOG, find
from simulacra.models.variational.vae import VAE

SPACES = [
    Real((1,)),
    Real((2,)),
    Binary((1,)),
    Real((1, 1, 1)),
    Binary((1, 1, 1)),
    Levels((1, 1, 1), 4),
    Binary((1, 2, 2)),
    Levels((3, 8, 8), 256),
    Sequence((2,), of=Binary((1,))),
    Sequence((2,), of=Real((3,))),
    Table(a=Real()),
]
RANGE = re.compile(r"(?:from )?(-?\d+) (?:to|and) (-?\d+)")


def refusal(kind, space, **arguments) -> str:
    """Why a model cannot be built, or nothing."""
    try:
        kind(space, **arguments)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.fault("f27")
@pytest.mark.parametrize("name", CATALOG)
def test_no_message_offers_a_range_without_numbers_or_a_step_that_does_not_apply(name):
    kind = find(name).load()
    for space in SPACES:
        for condition in (None, Categorical((), 2)):
            takes = condition is None or "condition" in kind.__signature__.parameters
            message = refusal(kind, space, **({"condition": condition} if condition and takes else {}))
            assert "\n" not in message
            for low, high in RANGE.findall(message):
                assert int(low) < int(high), message
            if "dequantize=" in message or "binarize=" in message:
                assert isinstance(space, Levels) or "makes levels real" in message, message
            if "types=" in message:
                assert isinstance(space, Table), message
            if isinstance(space, Sequence) and isinstance(space.of, Real):
                assert "takes such data" not in message and "of binary frames:" not in message, message


@pytest.mark.fault("f27")
def test_what_is_proposed_for_one_column_works():
    one = Real((1,))
    assert "RNADE or a VAE" in refusal(PPCA, one) and "has a single one" in refusal(PPCA, one, latent=1)
    assert RNADE(one).sample(2).shape == VAE(one, latent=1).sample(2).shape == (2, 1)
    assert "a single component, latent=1" in refusal(PCA, one) and PCA(one, latent=1)
    assert "a single factor, latent=1" in refusal(PPCA, Real((2,))) and PPCA(Real((2,)), latent=1)
    assert "1 to 2 factors" in refusal(PPCA, Real((3,)), latent=3)
    assert "types='real'" in refusal(PPCA, Table(a=Real())) and "take an RBM" in refusal(PPCA, Binary((3,)))
    walks = Sequence((2,), of=Real((3,)))
    assert "take a VRNN" in refusal(RBM, walks) and "VRNN" in refusal(VAE, walks)
    assert "RNN-RBM" in refusal(MADE, Sequence((2,), of=Binary((3,))))
