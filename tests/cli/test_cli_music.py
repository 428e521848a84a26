"""`simulacra sample` of models of music: a .mid file, a folder of them, and who gets none."""

import numpy as np
import pytest
import torch

from simulacra.cli.commands import sample as command
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary
from simulacra.models.boltzmann.recurrent.rnn_nade import RNNNADE
from simulacra.training import run as runs


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """`sample` of an untrained model of rolls with so many keys."""
    monkeypatch.chdir(tmp_path)

    def call(keys: int, **options: object) -> int:
        torch.manual_seed(1)
        model = RNNNADE(Sequence((7,), of=Binary((keys,))), hidden=3, state=2)
        monkeypatch.setattr(runs, "load", lambda run: model.eval())
        return command.sample("run", **options)

    return call


def test_a_piece_is_a_midi_file_and_many_are_a_folder(drawn, tmp_path):
    assert drawn(88, out="new/x.mid", seed=3) == 0
    assert drawn(88, out="many/", n=11, seed=3) == 0
    files = sorted((tmp_path / "many").iterdir())
    assert [path.name for path in files] == [f"{i:02d}.mid" for i in range(11)]
    one = (tmp_path / "new" / "x.mid").read_bytes()
    assert one[:4] == b"MThd" and one == files[0].read_bytes() != files[1].read_bytes()
    assert drawn(88, out="x.npy", n=2, seed=3) == 0
    x = np.load(tmp_path / "x.npy")
    assert x.shape == (2, 7, 88) and x.dtype == np.uint8
    starts = (x[0].astype(bool) & ~np.vstack([np.zeros((1, 88), bool), x[0, :-1].astype(bool)])).sum()
    assert starts > 0 and one.count(b"\x90") >= starts
    assert drawn(88, out="x.png", n=3) == 0


@pytest.mark.parametrize(
    "keys, options, says",
    [
        (88, {"out": "x.mid", "n": 2}, "takes one roll of a piano, but --n is 2"),
        (87, {"out": "x.mid"}, "is for rolls of a piano"),
        (88, {"out": "x.wav"}, "is for recordings"),
        (87, {"out": "many/"}, "is for images and recordings, also of music"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_drawn(drawn, tmp_path, keys, options, says):
    with pytest.raises(ValueError, match=says):
        drawn(keys, **options)
    assert not list(tmp_path.iterdir())
