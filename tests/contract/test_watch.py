"""Watching a draw: what a callback sees of every model that draws entry by entry."""

from __future__ import annotations

import pytest
import torch

import simulacra
from contract.cases import CASES, Case, named
from contract.choose import supports, where
from contract.declared import declared
from contract.harness import trained
from contract.use import rows
from simulacra.core.capabilities import general as can
from simulacra.core.methods import rows as words
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.transforms import Binarize
from simulacra.core.spaces.plain import Levels
from simulacra.models.catalog import CATALOG

STEPWISE = [case for case in CASES if declared(case.name).entry_by_entry]
stepwise = where(lambda case: case in STEPWISE)
at_once = where(lambda case: supports(case.name, can.Samples) and case not in STEPWISE)


def film(model, n, c, **more):
    """The samples, and all that a callback saw of them: (t, d) and x of each call."""
    seen = []
    x = model.sample(n, c, watch=lambda *call: seen.append(call), **more)
    return x, [call[:2] for call in seen], torch.stack([call[2] for call in seen])


def test_the_whole_autoregressive_family_can_be_watched():
    families = {CATALOG[case.catalogued].family for case in STEPWISE}
    assert families == {"autoregressive"}
    assert {case.catalogued for case in STEPWISE} == {n for n, e in CATALOG.items() if e.family in families}


@stepwise
def test_each_entry_is_seen_once_and_stays(case: Case):
    model, (_, c) = trained(case), rows(case)
    x, times, frames = film(model, 11, c, seed=3)
    d = model.space.dims
    assert times == [(t, d) for t in range(1, d + 1)]
    assert frames.dtype == x.dtype and torch.equal(frames[-1], x)
    blank = model.preprocessing.inverse(torch.zeros(11, *model.space.shape)).to(x.dtype).unsqueeze(0)
    changed = (torch.cat([blank, frames])[1:] != torch.cat([blank, frames])[:-1]).flatten(2)
    # one entry of each row at a time, and none twice: what is drawn stays
    assert int(changed.sum(2).max()) == 1 and int(changed.sum(0).max()) == 1
    if model.supports(can.HasConditionals):
        places = changed.any(1)
        assert all(bool(places[t, i] == places[t].any()) for t, i in enumerate(model.order.tolist()))


@stepwise
def test_watching_changes_no_sample(case: Case):
    model, (_, c) = trained(case), rows(case)
    assert torch.equal(film(model, 11, c, seed=5)[0], model.sample(11, c, seed=5))


@at_once
def test_a_draw_at_once_has_nothing_to_watch(case: Case):
    model, (_, c) = trained(case), rows(case)
    with pytest.raises(can.MissingCapability, match=r"cannot do sample\(watch=\).*entry by entry"):
        model.sample(11, c, watch=lambda t, d, x: None)


def test_rows_in_several_chunks_are_one_draw(monkeypatch):
    """t goes on over all chunks; x holds all rows, those of finished chunks for good."""
    model = trained(named("nade"))
    monkeypatch.setattr(words, "CHUNK", 4)
    x, times, frames = film(model, 11, None, seed=1)
    d = model.space.dims
    assert times == [(t, 3 * d) for t in range(1, 3 * d + 1)]
    assert torch.equal(frames[-1], x) and frames.shape[1:] == x.shape
    assert torch.equal(frames[d:, :4], x[:4].expand(2 * d, -1, -1))
    assert bool((frames[: 2 * d, 8:] == 0).all()) and bool((x[8:] != 0).any())


def test_a_watcher_sees_raw_units_and_cannot_spoil_the_draw():
    torch.manual_seed(0)
    model = simulacra.NADE(simulacra.Binary((1, 3, 5)), hidden=5)
    model.preprocessing = Preprocessing(Levels((1, 3, 5), 256), (Binarize("dynamic"),))
    kept = []

    def spoil(t, d, x):
        kept.append(x.clone())
        x.fill_(7)

    drawn = model.sample(9, seed=2, watch=spoil)
    assert torch.equal(drawn, model.sample(9, seed=2)) and torch.equal(kept[-1], drawn)
    assert all(set(x.unique().tolist()) <= {0, 255} for x in kept)
