"""A pair stays in one split, and what a condition is made of is part of digest and protocol."""

import numpy as np
import pytest
import torch
from pair_files import KEEP, pixels, write_folders, write_halves, write_image

from simulacra import load_data
from simulacra.data.leaks.search import find_leaks
from simulacra.data.reopening import check_unchanged, reopen


@pytest.fixture
def halves(tmp_path):
    write_halves(tmp_path / "both")
    return tmp_path / "both"


def test_digest_and_protocol_tell_conditions_apart(halves):
    forms = (None, "right", "downscale:2", "downscale:3", "mask:0.5", "past:1")
    options = [{"condition": form} for form in forms] + [{"condition": "mask:0.5", "seed": 3}]
    data = [load_data(halves, **KEEP, **given) for given in options]
    assert len({d.train.digest() for d in data}) == len({d.train.content() for d in data}) == len(data)
    assert data[2].protocol("train").preprocessing == "given downscale:2 of x (seed 0)"
    assert data[1].applied == ("given the right half of each picture",)


@pytest.mark.parametrize("form", ["left", "mask:0.5", "past:2", "folder"])
def test_digests_are_the_same_in_memory_and_streamed(tmp_path, form):
    write_folders(tmp_path)
    write_halves(tmp_path / "both")
    at = tmp_path / ("x" if form == "folder" else "both")
    given = f"folder:{tmp_path / 'c'}" if form == "folder" else form
    some = {"validation": 5, "test": 5, "crop": "6x4"}
    held, streamed = (load_data(at, condition=given, stream=stream, **some) for stream in (False, True))
    for name in held.splits:
        assert held[name].digest() == streamed[name].digest()
        assert held[name].content() == streamed[name].content()
    index = torch.tensor([2, 0])
    assert torch.equal(held.train.select(index).c, streamed.train.select(index).rows(torch.arange(2)).c)
    assert held.conditioning == streamed.conditioning


@pytest.mark.parametrize("form", ["right", "noise:0.2", "past:2"])
def test_a_run_opens_its_pairs_again_and_sees_changes(halves, form):
    data = load_data(halves, condition=form, validation=5, test=5)
    recorded = {"digest": data.train.digest(), "rows": {"train": len(data.train)}}
    again = reopen(data.spec, data.preprocessing, recorded["digest"])
    check_unchanged(again, recorded, "run")
    assert torch.equal(again.test.c, data.test.c)
    write_image(halves / "03.png", pixels(99, 6, 10, 3))
    with pytest.raises(ValueError, match="not those that"):
        check_unchanged(reopen(data.spec, data.preprocessing, None), recorded, "run")


def test_a_changed_condition_alone_is_seen(tmp_path):
    write_folders(tmp_path)
    given = f"folder:{tmp_path / 'c'}"
    data = load_data(tmp_path / "x", condition=given, **KEEP)
    before = data.train.digest()
    write_image(tmp_path / "c" / "05.png", pixels(99, 6, 5))
    again = load_data(tmp_path / "x", condition=given, **KEEP)
    assert torch.equal(data.train.x, again.train.x) and before != again.train.digest()
    assert load_data(tmp_path / "x", **KEEP).train.digest() not in (before, again.train.digest())


def test_duplicates_are_those_of_x_and_their_conditions_go_with_them(tmp_path):
    x, _ = write_folders(tmp_path)
    for i in (7, 11):
        write_image(tmp_path / "x" / f"{i:02d}.png", x[2])
    given = f"folder:{tmp_path / 'c'}"
    kept = load_data(tmp_path / "x", condition=given, duplicates="drop", validation=0.2, test=0.2)
    assert sum(map(len, kept.splits.values())) == len(x) - 2
    whole = load_data(tmp_path / "x", condition=given, **KEEP)
    at = {row.numpy().tobytes(): i for i, row in reversed([*enumerate(whole.train.x)])}
    for split in kept.splits.values():
        for row, c in zip(split.x, split.c):
            assert torch.equal(c, whole.train.c[at[row.numpy().tobytes()]])
    spread = load_data(tmp_path / "x", condition=given, validation=0.3, test=0.3)
    same = load_data(tmp_path / "x", validation=0.3, test=0.3)
    assert str(find_leaks(spread)) == str(find_leaks(same))


def test_groups_and_limits_keep_pairs(tmp_path):
    for i in range(12):
        write_image(tmp_path / "x" / f"p{i % 4}" / f"{i}.png", pixels(i, 4, 4))
        write_image(tmp_path / "c" / f"p{i % 4}" / f"{i}.png", 255 - pixels(i, 4, 4))
    given = f"folder:{tmp_path / 'c'}"
    data = load_data(tmp_path / "x", condition=given, groups="folder", validation=0.25, test=0.25, limit=3)
    for split in data.splits.values():
        assert np.array_equal(split.x.numpy(), 255 - split.c.numpy()) and len(split) == 3
