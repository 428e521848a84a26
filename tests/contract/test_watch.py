"""Watching a draw: what a callback sees of every model that draws in several looks."""

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
from simulacra.core.renamed import OldName
from simulacra.core.spaces.plain import Levels
from simulacra.models.catalog import CATALOG

STEPWISE = [case for case in CASES if declared(case.name).entry_by_entry]
LOOKED = [case for case in CASES if declared(case.name).several_looks]
stepwise = where(lambda case: case in STEPWISE)
looked = where(lambda case: case in LOOKED)
at_once = where(lambda case: supports(case.name, can.Samples) and case not in LOOKED)


def film(model, n, c, **more):
    """The samples, and all that a callback saw of them: (t, total), x and known of each call."""
    seen = []
    x = model.sample(n, c, watch=lambda *call: seen.append(call), **more)
    frames, known = (torch.stack([call[i] for call in seen]) for i in (2, 3))
    return x, [call[:2] for call in seen], frames, known


def blank_of(model, n, x):
    """Rows of which nothing is drawn."""
    return model.preprocessing.inverse(torch.zeros(n, *model.space.shape)).to(x.dtype)


def test_the_whole_autoregressive_family_is_drawn_entry_by_entry():
    families = {CATALOG[case.catalogued].family for case in STEPWISE}
    # a decoder of texts draws entry by entry, too
    assert families == {"autoregressive", "variational"}
    family = {n for n, e in CATALOG.items() if e.family == "autoregressive"}
    assert {case.catalogued for case in STEPWISE} == family | {"chemical-vae", "sentence-vae"}


def test_what_is_watched_are_entries_chains_frames_and_levels():
    chains = {case for case in CASES if supports(case.name, can.HasMarkovChain)}
    others = {case.name.split("/")[0] for case in LOOKED if case not in chains and case not in STEPWISE}
    assert set(LOOKED) >= chains | set(STEPWISE)
    frames = {"crbm", "factored-crbm", "rnn-nade", "rnn-rbm", "rtrbm", "vrnn"}
    assert others == frames | {
        *("dbn", "gan", "hierarchical-vae", "lapgan", "progressive-gan", "stackgan", "vq-vae", "wgan-gp")
    }


@pytest.mark.fault("wider.b")
@looked
def test_each_look_is_counted_and_the_last_is_the_sample(case: Case):
    model, (_, c) = trained(case), rows(case)
    x, times, frames, known = film(model, 11, c, seed=3)
    total = model.looks(model.sampling)
    assert times == [(t, total) for t in range(1, total + 1)]
    assert frames.dtype == x.dtype and torch.equal(frames[-1], x) and bool(known[-1].all())
    # what is known stays known, and what is not known is blank
    assert not bool((known[:-1] & ~known[1:]).any())
    assert torch.equal(frames[~known], blank_of(model, 11, x).expand_as(frames)[~known])
    if supports(case.name, can.HasMarkovChain) and case.catalogued != "masked-diffusion":
        assert bool(known.all())
    assert torch.equal(x, model.sample(11, c, seed=3))


@stepwise
def test_each_entry_is_seen_once_and_stays(case: Case):
    model, (_, c) = trained(case), rows(case)
    x, times, frames, known = film(model, 11, c, seed=3)
    assert len(times) == model.space.dims
    before = torch.cat([blank_of(model, 11, x).unsqueeze(0), frames])
    changed = (before[1:] != before[:-1]).flatten(2)
    # one entry of each row at a time, and none twice: what is drawn stays
    assert int(changed.sum(2).max()) == 1 and int(changed.sum(0).max()) == 1
    counts = torch.arange(1, len(times) + 1).unsqueeze(1)
    assert torch.equal(known.flatten(2).sum(2), counts.expand(-1, 11))
    new = known & ~torch.cat([torch.zeros_like(known[:1]), known[:-1]])
    assert not bool((changed & ~new.flatten(2)).any())
    if model.supports(can.HasConditionals):
        assert new[:, 0].flatten(1).int().argmax(1).tolist() == model.order.tolist()


@at_once
def test_a_draw_at_once_has_nothing_to_watch(case: Case):
    model, (_, c) = trained(case), rows(case)
    with pytest.raises(can.MissingCapability, match=r"cannot do sample\(watch=\).*in several looks"):
        model.sample(11, c, watch=lambda t, total, x, known: None)


def test_rows_in_several_chunks_are_one_draw(monkeypatch):
    """t goes on over all chunks; x holds all rows, those of finished chunks for good."""
    model = trained(named("nade"))
    monkeypatch.setattr(words, "CHUNK", 4)
    x, times, frames, known = film(model, 11, None, seed=1)
    d = model.space.dims
    assert times == [(t, 3 * d) for t in range(1, 3 * d + 1)]
    assert torch.equal(frames[-1], x) and frames.shape[1:] == x.shape
    assert torch.equal(frames[d:, :4], x[:4].expand(2 * d, -1, -1)) and bool(known[d:, :4].all())
    assert bool((frames[: 2 * d, 8:] == 0).all()) and bool((x[8:] != 0).any())
    assert not bool(known[: 2 * d, 8:].any())


def test_a_watcher_sees_raw_units_and_cannot_spoil_the_draw():
    torch.manual_seed(0)
    model = simulacra.NADE(simulacra.Binary((1, 3, 5)), hidden=5)
    model.preprocessing = Preprocessing(Levels((1, 3, 5), 256), (Binarize("dynamic"),))
    kept = []

    def spoil(t, total, x, known):
        kept.append(x.clone())
        x.fill_(7)
        known.fill_(False)

    drawn = model.sample(9, seed=2, watch=spoil)
    assert torch.equal(drawn, model.sample(9, seed=2)) and torch.equal(kept[-1], drawn)
    assert all(set(x.unique().tolist()) <= {0, 255} for x in kept)


@pytest.mark.fault("wider.b")
def test_a_callback_of_three_arguments_works_with_a_warning():
    model, seen = simulacra.NADE(simulacra.Binary((4,)), hidden=3), []
    with pytest.warns(OldName, match=r"watch\(t, total, x, known\) since version .*until 0\.4\.0"):
        x = model.sample(3, seed=0, watch=lambda t, d, x: seen.append((t, d, x)))
    assert [call[:2] for call in seen] == [(t, 4) for t in (1, 2, 3, 4)] and torch.equal(seen[-1][2], x)
