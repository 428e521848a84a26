"""Names and places that are no plain files, and saved models that contradict themselves.

`make(folder)` puts one into an empty folder and returns what `load_data`, or `load`, is given.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from reliability.hostile.samples import picture, sound, table

Make = Callable[[Path], Path]
SUFFIXES = (
    *(
        "csv",
        "tsv",
        "txt",
        "csv.gz",
        "json",
        "xlsx",
        "parquet",
        "npy",
        "npz",
        "mat",
        "png",
        "jpg",
        "gif",
        "tiff",
    ),
    *("pgm", "wav", "flac", "mid", "zip", "safetensors", "yaml"),
)
PLACES: dict[str, Make] = {}
MODELS: dict[str, Make] = {}


def place(make: Make) -> Make:
    """Enter a maker under its name."""
    PLACES[make.__name__] = make
    return make


def put(path: Path, content: bytes) -> Path:
    """A file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@place
def a_link_to_itself(folder: Path) -> Path:
    (folder / "a.csv").symlink_to(folder / "a.csv")
    return folder / "a.csv"


@place
def links_in_a_circle(folder: Path) -> Path:
    (folder / "a").mkdir()
    put(folder / "a" / "b.png", picture("PNG"))
    (folder / "a" / "c").symlink_to(folder / "a")
    return folder / "a"


@place
def a_link_to_nothing_among_pictures(folder: Path) -> Path:
    put(folder / "i" / "a.png", picture("PNG"))
    (folder / "i" / "b.png").symlink_to(folder / "gone.png")
    return folder / "i"


@place
def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.csv")
    return folder / "a.csv"


@place
def a_pipe_among_pictures(folder: Path) -> Path:
    put(folder / "i" / "a.png", picture("PNG"))
    os.mkfifo(folder / "i" / "b.png")
    return folder / "i"


@place
def a_pipe_among_recordings(folder: Path) -> Path:
    put(folder / "s" / "a.wav", sound("WAV"))
    os.mkfifo(folder / "s" / "b.wav")
    return folder / "s"


@place
def a_socket(folder: Path) -> Path:
    here = os.getcwd()
    os.chdir(folder)
    try:
        # the path of a socket has at most a hundred letters
        socket.socket(socket.AF_UNIX).bind("a.npy")
    finally:
        os.chdir(here)
    return folder / "a.npy"


@place
def a_device(folder: Path) -> Path:
    (folder / "a.csv").symlink_to("/dev/zero")
    return folder / "a.csv"


@place
def a_folder_called_as_a_table(folder: Path) -> Path:
    (folder / "a.csv").mkdir()
    return folder / "a.csv"


@place
def folders_called_as_pictures(folder: Path) -> Path:
    put(folder / "i" / "a.png", picture("PNG"))
    (folder / "i" / "b.png").mkdir()
    return folder / "i"


@place
def an_empty_folder(folder: Path) -> Path:
    return folder


@place
def folders_of_many_levels(folder: Path) -> Path:
    here = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(300):
            os.mkdir("aaaaaaaa")
            os.chdir("aaaaaaaa")
        Path("a.png").write_bytes(picture("PNG"))
    finally:
        os.chdir(here)
    return folder


@place
def names_of_lines_and_marks(folder: Path) -> Path:
    for name in (
        "a\nb.png",
        "a\x1b[2J.png",
        "a\u202egnp.png",
        os.fsdecode(b"a\xff\xfe.png"),
        "-rf.png",
        "%s.png",
    ):
        put(folder / "i" / "class\n\u202e" / name, picture("PNG"))
        put(folder / "i" / os.fsdecode(b"\xff") / name, picture("PNG"))
    return folder / "i"


@place
def a_table_of_an_undecodable_name(folder: Path) -> Path:
    return put(folder / os.fsdecode(b"a\xff\n.csv"), table())


@place
def a_name_of_nothing_there(folder: Path) -> Path:
    return folder / ("a" * 5000 + ".csv")


@place
def a_name_with_a_null_character(folder: Path) -> Path:
    return folder / "a\x00.csv"


def _empty(suffix: str) -> Make:
    return lambda folder: put(folder / f"a.{suffix}", b"")


def _alone(suffix: str) -> Make:
    return lambda folder: put(folder / f".{suffix}", table())


PLACES |= {f"an empty file .{suffix}": _empty(suffix) for suffix in SUFFIXES}
PLACES |= {f"a file whose name is .{suffix}": _alone(suffix) for suffix in ("csv", "npy", "png")}


# ---- saved models


def weights(header: dict[str, object], rest: bytes = b"") -> bytes:
    """A safetensors file of that header."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


def _tensor(begin: int, end: int, shape: list[int], kind: str = "F32") -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


HEADERS: dict[str, bytes] = {
    "tensors that overlap": weights({"a": _tensor(0, 8, [2]), "b": _tensor(4, 12, [2])}, bytes(12)),
    "tensors that begin before": weights({"a": _tensor(-8, 0, [2])}, bytes(8)),
    "tensors of a huge shape": weights({"a": _tensor(0, 8, [2**40, 2**40])}, bytes(8)),
    "tensors of an unknown type": weights({"a": _tensor(0, 8, [2], "F7")}, bytes(8)),
    "a header of 2^63 bytes": struct.pack("<Q", 2**63) + b"{}",
    "a header of lists": struct.pack("<Q", 4) + b"[[]]",
    "a header of 9,000 lists": struct.pack("<Q", 9000) + b"[" * 9000,
    "a header of our entry as a number": weights({"__metadata__": {"simulacra": "7"}}),
    "a header of deep entries": weights({"__metadata__": {"simulacra": "[" * 50_000}}),
    "no header": b"",
}
CONFIGS: dict[str, object] = {
    "a configuration that is a list": [],
    "a configuration of nothing": {},
    "a configuration of wrong types": {"format": "1", "model": 7, "arguments": [], "space": None},
    "a configuration of a later format": {"format": 10**30, "model": "VAE"},
    "a configuration of nested spaces": {
        "format": 1,
        "model": "VAE",
        "space": {"kind": "Sequence", "of": {}},
    },
    "a configuration of another class": {
        "format": 1,
        "model": "os.system",
        "arguments": {},
        "space": {"kind": "Real"},
    },
}


def _file(content: bytes) -> Make:
    return lambda folder: put(folder / "a.safetensors", content)


def _folder(config: object) -> Make:
    def make(folder: Path) -> Path:
        put(folder / "m" / "model.safetensors", weights({}))
        put(folder / "m" / "config.json", json.dumps(config).encode())
        return folder / "m"

    return make


MODELS |= {name: _file(content) for name, content in HEADERS.items()}
MODELS |= {name: _folder(config) for name, config in CONFIGS.items()}
