"""Runs whose files say something else by number: each number is one run, the same for ever.

An entry of `config.json`, `report.json` or of the JSON in the header of a .safetensors file gets an odd value
or goes, or the bytes of a file are spoilt as those of data are.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from reliability.hostile.malformed import WAYS

ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        "",
        "abc",
        -5,
        0,
        0.5,
        -1e308,
        1e308,
        2**31,
        2**63,
        10**30,
        10**400,
        float("nan"),
        float("inf"),
    ),
    *([], {}, [[]], {"a": {}}, [None], ["x"] * 3, {"space": 3}, "../../etc", "\u202e\x1b[2J"),
)
GONE = object()


DEPTHS = {f"lists, {depth} deep": depth for depth in (300, 950)}


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each entry of JSON."""
    entries = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for name, value in entries:
        yield (*path, name)
        yield from places(value, (*path, name))


def put(content: Any, path: tuple[Any, ...], value: Any) -> None:
    """Set an entry, or remove it."""
    for name in path[:-1]:
        content = content[name]
    if value is GONE:
        del content[path[-1]]
    else:
        content[path[-1]] = value


def changed(r: Random, text: str) -> str:
    """JSON with an odd value at one place."""
    content = json.loads(text)
    where = r.choice([*places(content)])
    put(content, where, r.choice((*ODD, GONE, GONE, *DEPTHS)))
    text = json.dumps(content)
    for name, depth in DEPTHS.items():
        # written as text: an encoder of JSON would need as many frames
        text = text.replace(json.dumps(name), "[" * (depth + 1) + "]" * (depth + 1))
    return text


def header_changed(r: Random, content: bytes) -> bytes:
    """A .safetensors file with an odd value in the JSON of its header."""
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    metadata = header.get("__metadata__", {})
    if metadata and r.random() < 0.8:
        name = r.choice(sorted(metadata))
        metadata[name] = (
            changed(r, metadata[name]) if metadata[name].startswith("{") else r.choice(("", "[", "{}"))
        )
    else:
        put(header, r.choice([*places(header)]), r.choice((*ODD, GONE)))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def spoil(number: int, folder: Path, names: tuple[str, ...]) -> str:
    """Spoil one file of the run in `folder`; what was done, for the reader of a failure."""
    r = Random(number)
    path = folder / names[number % len(names)]
    content = path.read_bytes()
    if r.random() < 0.2:
        other = (folder / r.choice(names)).read_bytes()
        way = r.choice(WAYS)
        path.write_bytes(way(r, content, other))
        return f"{path.name} {way.__name__}"
    if path.suffix == ".json":
        path.write_text(changed(r, content.decode()), encoding="utf-8")
    else:
        path.write_bytes(header_changed(r, content))
    return f"{path.name} changed"
