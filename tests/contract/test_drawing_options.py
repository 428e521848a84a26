"""Options of drawing: declared by a class, checked before anything is drawn, given to `draw`."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields

import pytest
import torch

import simulacra
from contract.cases import Case, named
from contract.choose import having
from contract.harness import trained
from contract.toys import GMMN
from contract.use import rows
from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.sampling import Sampling, names_of
from simulacra.core.errors.calls import WrongCall
from simulacra.core.random.keyed import Rng

pytestmark = pytest.mark.fault("wider.b")
# values that are no model's own
BRIEF = {"burn_in": 2, "steps": 2, "truncation": 0.5, "temperature": 0.7, "proposals": 5, "top_k": 1}
BRIEF |= {"step_size": 0.1, "leapfrog": 1, "order": "confidence"}
BRIEF |= {"sampler": "ddim", "eta": 0.5, "guidance": 2.0, "mean": True}


@having(can.Samples)
def test_the_models_own_options_change_nothing(case: Case):
    """What `model.sampling` holds is what `sample` does; an unknown option is refused by name."""
    model, (_, c) = trained(case), rows(case, 3)
    own = {field.name: getattr(model.sampling, field.name) for field in fields(model.sampling)}
    assert type(model.sampling) is model.drawing and own.keys() <= BRIEF.keys()
    assert torch.equal(model.sample(3, c, seed=1, **own), model.sample(3, c, seed=1))
    with pytest.raises(WrongCall, match=r"sample takes no guidances=.*draws with"):
        model.sample(3, c, guidances=2)


def moved(model):
    """A copy with weights so large that a sample depends on all of them."""
    model = copy.deepcopy(model)
    for i, p in enumerate(model.parameters()):
        p.data.add_(2 * Rng(i, "weights", rows=range(1)).normal("w", p.numel(), dtype=p.dtype).view_as(p))
    return model


@pytest.mark.parametrize(
    "name", ["rbm", "dbn", "dbm", "rtrbm", "gated-bm", "small-diffusion", "made", "nade-k", "gan", "bihm"]
)
def test_an_option_reaches_the_draw(name):
    model = moved(trained(named(name)))
    plain = model.sample(50, seed=1)
    for option in names_of(model.drawing):
        other = model.sample(50, seed=1, **{option: BRIEF[option]})
        assert not torch.equal(plain, other)
        for n in (2, 3):
            part = model.sample(n, seed=1, **{option: BRIEF[option]})
            torch.testing.assert_close(part, other[:n])
        # None is the model's own
        if option in ("temperature", "top_k"):
            continue
        assert torch.equal(model.sample(50, seed=1, **{option: None}), plain)


def test_a_chain_of_so_many_sweeps_is_that_of_a_model_built_with_them():
    shallow = [moved(simulacra.RBM(simulacra.Binary((5,)), hidden=3, burn_in=b)) for b in (4, 9)]
    deep = [moved(simulacra.DBN(simulacra.Binary((5,)), hidden=(3, 4), burn_in=b)) for b in (4, 9)]
    for short, long in (shallow, deep):
        assert torch.equal(short.sample(50, seed=3), long.sample(50, seed=3, burn_in=4))
        assert not torch.equal(short.sample(50, seed=3), long.sample(50, seed=3))


@dataclass(frozen=True)
class Wide(Sampling):
    """Options of a user's own.

    Args:
        scale: factor of the noise.
        mode: how it is drawn.
    """

    scale: float = 1.0
    mode: str = "plain"

    def __post_init__(self):
        if self.scale < 0:
            raise ValueError(f"scale is {self.scale}, but it is at least 0.")


class Scaled(GMMN):
    drawing = Wide

    def draw(self, rng, c=None, how=None):
        how = self.sampling if how is None else how
        return how.scale * super().draw(rng, c)


def test_a_model_of_ones_own_declares_a_dataclass():
    model = Scaled(simulacra.Real((2,)))
    plain = model.sample(4, seed=0)
    torch.testing.assert_close(model.sample(4, seed=0, scale=2), 2 * plain)
    with pytest.raises(
        WrongCall, match=r"takes no scales=; did you mean scale=\? Scaled draws with scale=, mode="
    ):
        model.sample(4, scales=2)
    with pytest.raises(WrongCall, match=r"scale is 'big', but it must be a number"):
        model.sample(4, scale="big")
    with pytest.raises(ValueError, match="scale is -1"):
        model.sample(4, scale=-1.0)


def test_nothing_is_drawn_before_an_option_is_checked(monkeypatch):
    model = trained(named("gan"))
    monkeypatch.setattr(type(model), "draw", lambda *_: pytest.fail("drawn"))
    for wrong in ({"truncation": -1.0}, {"truncation": "x"}, {"truncations": 1.0}):
        with pytest.raises(ValueError, match="truncation"):
            model.sample(3, **wrong)
