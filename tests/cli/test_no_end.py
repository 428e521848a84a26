"""Small files of the user are never read without an end, and bytes that are no text have one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulacra.cli.app import _text
from simulacra.core.storage.files import read_json


@pytest.mark.fault("outside 1.w3.9")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names there")
def test_a_pipe_or_a_device_is_no_file_of_options(cli, tmp_path, monkeypatch):
    """A reading of either would have no end: it fails here."""

    def endless(path, *_, **__):
        raise AssertionError(f"{path} was read")

    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "link.yaml").symlink_to("/dev/zero" if Path("/dev/zero").exists() else tmp_path / "pipe.yaml")
    (tmp_path / "run").mkdir()
    os.symlink(tmp_path / "pipe.yaml", tmp_path / "run/report.json")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n5,6\n", encoding="utf-8")
    monkeypatch.setattr(Path, "read_text", endless)
    for name in ("pipe.yaml", "link.yaml"):
        for words in (("train", "--config", name), ("train", "ppca", "t.csv", "--data.types", name)):
            done = cli(*words)
            assert done.code == 2 and f"{name} is a pipe, a socket or a device: give a file." in done.err
    with pytest.raises(ValueError, match=r"report\.json is a pipe, a socket or a device"):
        read_json(tmp_path / "run/report.json")


@pytest.mark.fault("outside 1.w3.9")
def test_a_file_of_options_has_a_largest_size(cli, tmp_path, monkeypatch):
    with open(tmp_path / "big.yaml", "wb") as file:
        file.truncate(2**30)

    def endless(path, *_, **__):
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(Path, "read_text", endless)
    done = cli("train", "--config", "big.yaml")
    assert done.code == 2 and "big.yaml is larger than 4 MiB" in done.err


@pytest.mark.fault("outside 1.w3.5")
def test_bytes_that_are_no_text_have_a_sentence():
    for act in (lambda: "a\udcff.png".encode(), lambda: b"a\xff".decode()):
        with pytest.raises(UnicodeError) as caught:
            act()
        said = _text(caught.value)
        assert (
            "is no UTF-8 text" in said and "codec" not in said and "surrogate" not in said and said[-1] == "."
        )
