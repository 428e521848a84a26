"""Recordings as sequences of frames: a model sees steps of several samples, users see recordings."""

import numpy as np
import pytest
import torch
from refusal import sentence_of
from wave_files import KEEP, samples, write_wave, write_waves

import simulacra
from simulacra.core.preprocessing.framing import Frames
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data import load_data

OPTIONS = ({}, {"mu_law": 16}, {"standardize": True})


def tiny(space):
    return simulacra.VRNN(space, latent=2, state=3, hidden=(5,))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_frames_are_the_samples_in_order(tmp_path, options):
    write_waves(tmp_path, [50, 37, 61])
    framed = load_data(tmp_path, tile=12, frame=4, **KEEP, **options)
    whole = load_data(tmp_path, tile=12, **KEEP, **options)
    assert framed.preprocessing.raw == whole.preprocessing.raw == Audio((12,), 8000)
    step = Levels((4,), 16) if "mu_law" in options else Real((4,))
    assert framed.space == Sequence((3,), of=step)
    assert framed.preprocessing.label.endswith("frames of 4") and torch.equal(framed.train.x, whole.train.x)
    batch = [data.train.batch(torch.arange(5), Rng(0, rows=range(5))).x for data in (framed, whole)]
    assert batch[0].shape == (5, 3, 4) and torch.equal(batch[0].flatten(1), batch[1])


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_recordings_go_in_and_come_out(tmp_path, options):
    write_waves(tmp_path / "in", [40] * 20)
    data = load_data(tmp_path / "in", frame=8, **options)
    simulacra.fit(tiny(data.space), data, epochs=1, out=tmp_path / "run", progress=False)
    model = simulacra.load(tmp_path / "run")
    assert model.preprocessing == data.preprocessing
    looks = []
    x = model.sample(3, seed=2, watch=lambda t, total, x, known: looks.append((t, total, x, known)))
    assert x.shape == (3, 40) and float(x.abs().max()) <= 1
    model.preprocessing.raw.check(x)
    assert [(t, n, int(known[0].sum())) for t, n, _, known in looks] == [(t, 5, 8 * t) for t in range(1, 6)]
    known = torch.arange(40) < 16
    completed = model.complete(x, known, seed=1)
    assert torch.equal(completed[:, known], x[:, known])
    assert not torch.equal(completed[:, ~known], x[:, ~known])
    mean = model.complete(x, known, point="mean", draws=3)
    assert torch.equal(mean[:, known], x[:, known])
    sentence_of(lambda: model.complete(x, torch.arange(40) < 17), "only the last steps of a row")


def test_quiet_recordings_are_shown_louder_before_they_are_framed(tmp_path):
    for i in range(20):
        write_wave(tmp_path / f"{i:02d}.wav", samples(i, 40) // 100)
    data = load_data(tmp_path, frame=8)
    assert data.preprocessing.label == "in their own range, frames of 8"
    y = data.train.batch(torch.arange(9), Rng(0, rows=range(9))).x
    assert y.shape == (9, 5, 8) and 0.7 < float(y.square().mean()) < 1.4


def test_framing_changes_no_score(tmp_path):
    """The Jacobian is that of the scale; a known beginning has the score of the shorter recording."""
    write_waves(tmp_path, [40] * 20)
    data = load_data(tmp_path, frame=8, standardize=True)
    model = tiny(data.space)
    model.preprocessing = data.preprocessing
    x, known = data.test.x, (torch.arange(40) < 16).expand(len(data.test), -1)
    y, log_det = data.preprocessing.forward(x, Rng(0))
    whole = load_data(tmp_path, standardize=True).preprocessing.forward(x, Rng(0))
    assert torch.equal(y.flatten(1), whole[0]) and torch.equal(log_det, whole[1])
    rng = Rng(0, "score").by_content(x, known)
    framed = known.view(-1, 5, 8)
    bound = model.bound(data.preprocessing.apply(x, Rng(0), known), None, rng, 7, framed)
    score = model.log_prob(x, known=known, k=7)
    torch.testing.assert_close(score.values, bound.detach() + 0.4 * log_det)
    assert score.dims == 16


def test_rows_that_are_no_whole_frames_are_refused(tmp_path):
    write_waves(tmp_path, [37, 50, 61])
    sentence_of(lambda: load_data(tmp_path, tile=20, frame=6), "frame=6 does not divide the 20", "tile=18.")
    sentence_of(lambda: load_data(tmp_path, crop=20, frame=6), "crop=18.")
    sentence_of(lambda: load_data(tmp_path, tile=20, frame=60), "frame=20.")
    sentence_of(lambda: load_data(tmp_path, tile=20, frame=0), "frame=0 must be at least 1")
    for space, said in ((Binary((6,)), "needs recordings"), (Real((7,)), "does not divide the 7 samples")):
        with pytest.raises(ValueError, match=said):
            Frames(3).space(space)


def test_a_model_of_sequences_says_how_recordings_are_framed(tmp_path):
    write_waves(tmp_path, [50, 37, 61])
    data = load_data(tmp_path, tile=36, **KEEP)
    said = sentence_of(lambda: tiny(data.space), "needs sequences of steps", "frame=18.")
    framed = load_data(tmp_path, tile=36, frame=18, **KEEP)
    assert said and tiny(framed.space).space.steps == 2
    assert np.isfinite(float(framed.train.x.sum()))
