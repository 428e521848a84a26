"""Music as rows: lists of pitches, MATLAB rolls, the named sets, what is refused, MIDI files and pictures."""

from __future__ import annotations

import gzip
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from refusal import assert_refused
from scipy.io import savemat

from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary
from simulacra.data import load_data
from simulacra.data.audio.midi import write_midi
from simulacra.data.inspection.facts import inspect_data
from simulacra.data.sources.tensors import from_tensors
from simulacra.exploration.drawing.views import view, view_of

COUNTS = {"train": [5, 9, 2, 7], "valid": [3, 11], "test": [6, 1, 4]}


def pieces() -> dict[str, list[list[list[int]]]]:
    """Chords of none to four notes, anywhere on the keyboard."""
    rng = np.random.default_rng(4)
    chord = lambda: sorted({int(p) for p in rng.integers(21, 109, rng.integers(0, 5))})
    found = {part: [[chord() for _ in range(n)] for n in counts] for part, counts in COUNTS.items()}
    found["train"][0][0] = [21, 108]
    return found


def rolls_of(parts: dict[str, list[list[list[int]]]]) -> dict[str, list[np.ndarray]]:
    found = {}
    for part, every in parts.items():
        found[part] = [np.zeros((len(piece), 88), np.uint8) for piece in every]
        for roll, piece in zip(found[part], every):
            for t, chord in enumerate(piece):
                roll[t, [pitch - 21 for pitch in chord]] = 1
    return found


def cell(rolls: list[np.ndarray]) -> np.ndarray:
    found = np.empty((1, len(rolls)), object)
    for i, roll in enumerate(rolls):
        found[0, i] = roll
    return found


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def write_mat(path: Path, rolls: dict[str, list[np.ndarray]], packed: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {f"{part}data": cell(every) for part, every in rolls.items()}, do_compression=packed)
    return path


# ---- rows


def test_both_formats_give_the_rolls_of_the_pieces(tmp_path):
    parts = pieces()
    wanted = rolls_of(parts)
    plain, packed = write_json(tmp_path / "a.json", parts), write_json(tmp_path / "b.json.gz", parts)
    mats = [write_mat(tmp_path / f"{packed}.mat", wanted, packed) for packed in (True, False)]
    for path in (plain, packed, *mats):
        data = load_data(path)
        assert data.space == Sequence((11,), of=Binary((88,))) and data.preprocessing.steps == ()
        assert {name: len(split) for name, split in data.splits.items()} == {
            "train": 4,
            "valid": 2,
            "test": 3,
        }
        for part, every in wanted.items():
            split = data[part]
            assert split.lengths.tolist() == COUNTS[part] and split.x.dtype == torch.uint8
            for row, roll in zip(split.x.numpy(), every):
                assert np.array_equal(row[: len(roll)], roll) and not row[len(roll) :].any()
    digests = {load_data(path).test.digest() for path in (plain, packed, *mats)}
    assert len(digests) == 1


def test_rolls_of_doubles_and_of_other_keyboards_are_taken(tmp_path):
    rolls = {"train": [np.eye(3, 5), np.ones((2, 5))], "valid": [np.zeros((4, 5))]}
    data = load_data(write_mat(tmp_path / "x.mat", rolls), test=0)
    assert data.space == Sequence((4,), of=Binary((5,)))
    assert data.train.x[0, :3].tolist() == np.eye(3, 5).tolist() and data.train.lengths.tolist() == [3, 2]


def test_pieces_without_official_parts_are_split(tmp_path):
    path = write_json(tmp_path / "x.json", {"train": [[[60 + i]] * (i + 1) for i in range(20)]})
    data = load_data(path, validation=4, test=5, seed=3)
    assert [len(data[part]) for part in ("train", "valid", "test")] == [11, 4, 5]
    every = torch.cat([split.lengths for split in data.splits.values()])
    assert sorted(every.tolist()) == list(range(1, 21))
    for split in data.splits.values():
        # the piece of n steps is on the key n + 38 throughout
        for row, n in zip(split.x, split.lengths.tolist()):
            assert row.nonzero().tolist() == [[t, n + 38] for t in range(n)]


def test_a_batch_says_what_is_padding(tmp_path):
    data = load_data(write_json(tmp_path / "x.json", pieces()))
    index = torch.tensor([2, 0])
    batch = data.train.rows(index)
    assert batch.lengths.tolist() == [2, 5]
    assert batch.known[:, :, 0].sum(1).tolist() == [2, 5] and batch.known.shape == (2, 11, 88)
    some = data.train.select(index)
    assert some.known is None and some.lengths.tolist() == [2, 5]
    assert some.digest() != data.train.select(torch.tensor([2, 1])).digest()


def test_lengths_are_a_part_of_the_digest():
    x, space = torch.zeros(3, 4, 2), Sequence((4,), of=Binary((2,)))
    lengths = torch.tensor([4, 2, 3])
    one, other = (from_tensors(x, space, valid=0, test=0, lengths=n).train for n in (lengths, lengths - 1))
    assert one.digest() != other.digest()


# ---- what is refused


@pytest.mark.parametrize(
    "content, says",
    [
        ([[60]], "holds no music"),
        ({"pieces": []}, "holds no music"),
        ({"test": [[[60]]]}, "no pieces to train on"),
        ({"train": [[[60]], [[60, 20]]]}, "train, piece 1 (from 0), frame 0, holds 20"),
        ({"train": [[[60.5]]]}, "holds 60.5"),
        ({"train": [[60, 62]]}, "piece 0 (from 0), is no list of frames"),
        ({"train": [[[60]], []]}, "piece 1 (from 0), of shape (0, 88) is no roll"),
    ],
)
def test_what_is_no_music_is_refused(tmp_path, content, says):
    assert_refused(write_json(tmp_path / "x.json", content), says)


def test_damaged_files_are_refused(tmp_path):
    path = write_json(tmp_path / "x.json.gz", pieces())
    path.write_bytes(path.read_bytes()[:-40])
    assert_refused(path, "truncated or damaged")
    (tmp_path / "y.json").write_text('{"train": [[[60')
    assert_refused(tmp_path / "y.json", "truncated or no JSON")
    mat = write_mat(tmp_path / "z.mat", rolls_of(pieces()), packed=False)
    mat.write_bytes(mat.read_bytes()[:-900])
    assert_refused(mat, "truncated or damaged")


def test_pieces_of_differing_width_are_refused(tmp_path):
    rolls = {"train": [np.zeros((3, 88)), np.zeros((3, 87))]}
    path = write_mat(tmp_path / "x.mat", rolls)
    assert_refused(path, "train, piece 1 (from 0), has 87 keys, the first piece 88")
    rolls = {"train": [np.full((3, 88), 2)]}
    assert_refused(write_mat(tmp_path / "y.mat", rolls), "of 0 and 1")


@pytest.mark.parametrize(
    "option", [{"label": "x"}, {"levels": 4}, {"size": 8}, {"tile": 4}, {"missing": "mask"}]
)
def test_options_of_other_data_are_refused(tmp_path, option):
    with pytest.raises(ValueError, match="|".join(option)):
        load_data(write_json(tmp_path / "x.json", pieces()), **option)


def test_music_is_described(tmp_path):
    for path in (
        write_json(tmp_path / "x.json", pieces()),
        write_mat(tmp_path / "y.mat", rolls_of(pieces())),
    ):
        facts = inspect_data(path).facts
        assert facts["data"].endswith("a file of music") and facts["steps"] == "1 to 11 a row, 48 in all"
        assert facts["gaps"] == "none"


# ---- the named sets

SETS = {
    "jsb-chorales": ("jsb_chorales", "JSB_Chorales", (13807, 4602, 4725), -11.06),
    "nottingham": ("nottingham", "Nottingham", (176561, 45513, 44463), -10.25),
    "piano-midi": ("piano_midi_de", "Piano_midi", (75911, 8540, 19036), -11.05),
    "musedata": ("musedata", "MuseData", (245202, 82755, 64339), -11.51),
}


@pytest.mark.parametrize("name", SETS)
def test_a_name_finds_either_file(tmp_path, monkeypatch, name):
    lists, rolls, _, _ = SETS[name]
    for home, write in (("a", lambda f: write_json(f / f"{lists}.json.gz", pieces())),
                        ("b", lambda f: write_mat(f / f"{rolls}.mat", rolls_of(pieces())))):  # fmt: skip
        monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path / home))
        write(tmp_path / home / "polyphonic_music")
        data = load_data(name)
        assert data.name == name and data.space.steps == 11 and data.spec["name_or_path"] == name


def frames(split) -> torch.Tensor:
    return split.x[torch.arange(split.x.shape[1]) < split.lengths.unsqueeze(1)].double()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n != "jsb-chorales" else ()) for n in SETS]
)
def test_the_real_sets_have_the_published_frames_and_note_frequencies(real_data, name):
    """Boulanger-Lewandowski et al. 2012: note 1-gram, the mean over all test frames."""
    folder = real_data("polyphonic_music")
    _, rolls, counts, published = SETS[name]
    data = load_data(name)
    assert tuple(int(data[part].lengths.sum()) for part in ("train", "valid", "test")) == counts
    p, test = frames(data.train).mean(0).clamp(1e-12, 1 - 1e-12), frames(data.test)
    assert round(float((test * p.log() + (1 - test) * (1 - p).log()).sum(1).mean()), 2) == published
    if os.path.exists(folder / f"{rolls}.mat"):
        other = load_data(folder / f"{rolls}.mat")
        assert all(other[part].digest() == data[part].digest() for part in data.splits)


# ---- MIDI files and pictures


def parsed(content: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """Notes as (pitch, first tick, last tick) and the tempo, by the letter of the specification."""
    kind, size, form, tracks, ticks = struct.unpack(">4sIHHH", content[:14])
    assert (kind, size, form, tracks, ticks) == (b"MThd", 6, 0, 1, 480)
    kind, size = struct.unpack(">4sI", content[14:22])
    assert kind == b"MTrk" and len(content) == 22 + size
    at, now, tempo, notes, sounding = 22, 0, 0, [], {}
    while True:
        delta = 0
        while True:
            byte = content[at]
            at, delta = at + 1, delta << 7 | byte & 0x7F
            if byte < 0x80:
                break
        now += delta
        status, first, second = content[at : at + 3]
        if status == 0xFF:
            if first == 0x2F:
                assert at + 3 == len(content) and not sounding
                return notes, tempo
            tempo = int.from_bytes(content[at + 3 : at + 3 + second], "big")
            at += 3 + second
            continue
        at += 3
        if status == 0x90:
            assert first not in sounding and second > 0
            sounding[first] = now
        else:
            assert status == 0x80
            notes.append((first, sounding.pop(first), now))


def test_a_midi_file_holds_the_notes_of_the_roll(tmp_path):
    roll = np.random.default_rng(3).random((53, 88)) < 0.2
    roll[7:50] = False  # a rest longer than one digit of base 128
    write_midi(roll, tmp_path / "x.mid", seconds=0.25)
    notes, tempo = parsed((tmp_path / "x.mid").read_bytes())
    again = np.zeros((53, 88), bool)
    for pitch, first, last in notes:
        assert first % 480 == last % 480 == 0 and not again[first // 480 : last // 480, pitch - 21].any()
        again[first // 480 : last // 480, pitch - 21] = True
    assert np.array_equal(again, roll) and tempo == 250_000
    # a key that is held is one note
    starts = (roll & ~np.vstack([np.zeros((1, 88), bool), roll[:-1]])).sum()
    assert len(notes) == starts


def test_what_is_no_roll_makes_no_midi_file(tmp_path):
    for roll in (torch.zeros(3, 4, 88), torch.zeros(3, 87), torch.full((3, 88), 0.5)):
        with pytest.raises(ValueError, match="takes one piece of 0 and 1"):
            write_midi(roll, tmp_path / "x.mid")
    assert not (tmp_path / "x.mid").exists()


def test_music_is_shown_as_piano_rolls(tmp_path):
    space = Sequence((23,), of=Binary((88,)))
    x = torch.zeros(7, 23, 88, dtype=torch.uint8)
    x[:, :, 39], x[2, 5, 51] = 1, 1  # C4, C5
    assert view_of(space).name == "piano roll"
    figure = view(space, x, tmp_path / "x.png", title="pieces")
    assert len(figure.axes) == 6 and (tmp_path / "x.png").stat().st_size > 1000
    axes = figure.axes[2]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["C4", "C5"]
    low, high = axes.get_ylim()
    assert low < 60 and 72 < high < 75
    assert view(space, torch.zeros(1, 23, 88)).axes
