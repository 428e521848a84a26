"""Sixty malformed things by name, each of a kind that damage to a valid file does not make.

They are containers whose parts contradict each other, sizes that no file holds, cells and lines without end,
and names and places that are no plain files. `make(folder)` puts one into an empty folder and returns what
`load_data` is given.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reliability.hostile.samples import saved, sound, table

Make = Callable[[Path], Path]
STRANGE: dict[str, Make] = {}


def strange(make: Make) -> Make:
    """Enter a maker under its name."""
    STRANGE[make.__name__] = make
    return make


def filed(name: str, label: str, content: Callable[[], bytes]) -> None:
    """Enter a file of that name and content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
        return path.parent if "/" in name else path

    STRANGE[label] = make


def members(**content: bytes) -> bytes:
    """A zip file of members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, piece in content.items():
            archive.writestr(name.replace("__", "/"), piece)
    return file.getvalue()


def npy(descr: str, shape: str, rest: bytes = b"") -> bytes:
    """A .npy file whose header says what it likes."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + rest


def wav(channels: int = 1, rate: int = 8000, bits: int = 16, size: int | None = None) -> bytes:
    """A recording of a hundred samples whose format is as given."""
    data = bytes(200)
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 % 2**32, 2, bits)
    body = (
        b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", len(data) if size is None else size)
    )
    return b"RIFF" + struct.pack("<I", len(body) + len(data)) + body + data


def chunk(kind: bytes, content: bytes, size: int | None = None, crc: int | None = None) -> bytes:
    """A chunk of a PNG file."""
    check = zlib.crc32(kind + content) if crc is None else crc
    return (
        struct.pack(">I", len(content) if size is None else size) + kind + content + struct.pack(">I", check)
    )


def png(width: int, height: int, body: bytes, bits: int = 8, **first: int) -> bytes:
    """A PNG file of grey values."""
    head = struct.pack(">2I5B", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head, **first) + body + chunk(b"IEND", b"")


def tiff(entries: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    """A TIFF file of one directory."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\x00" + struct.pack("<IH", 8, len(entries)) + rows + struct.pack("<I", following)


def midi(track: bytes, division: int = 480, tracks: int = 1, size: int | None = None) -> bytes:
    """A MIDI file of one track."""
    head = b"MThd" + struct.pack(">IHHH", 6, 0, tracks, division)
    return head + b"MTrk" + struct.pack(">I", len(track) if size is None else size) + track


def workbook(sheet: bytes) -> bytes:
    """A spreadsheet of one sheet."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheets = '<sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets>'
    book = f'<workbook xmlns="{main}" xmlns:r="{office}">{sheets}</workbook>'
    part = lambda name, kind: f'<Override PartName="/xl/{name}.xml" ContentType="{kinds}.{kind}+xml"/>'
    parts = part("workbook", "sheet.main") + part("a", "worksheet")
    types = f'<Types xmlns="{package}/content-types">{parts}</Types>'
    links = lambda rows: f'<Relationships xmlns="{package}/relationships">{rows}</Relationships>'
    link = lambda kind, to: f'<Relationship Id="r1" Type="{office}/{kind}" Target="{to}"/>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("_rels/.rels", links(link("officeDocument", "xl/workbook.xml")))
        archive.writestr("xl/workbook.xml", book)
        archive.writestr("xl/_rels/workbook.xml.rels", links(link("worksheet", "a.xml")))
        archive.writestr(
            "xl/a.xml",
            b'<worksheet xmlns="' + main.encode() + b'"><sheetData>' + sheet + b"</sheetData></worksheet>",
        )
    return file.getvalue()


def cells(rows: int, name: str = "A") -> bytes:
    """Rows of one number each."""
    return b"".join(
        b'<row r="%d"><c r="%s%d"><v>1</v></c></row>' % (r, name.encode(), r) for r in range(1, rows + 1)
    )


def parquet(footer: bytes, size: int | None = None) -> bytes:
    """A Parquet file with that footer."""
    return b"PAR1" + footer + struct.pack("<I", len(footer) if size is None else size) + b"PAR1"


# ---- tables

filed("a.parquet", "parquet of a footer of noise", lambda: parquet(bytes(range(200))))
filed("a.parquet", "parquet of a footer of 4 GB", lambda: parquet(b"abc", 2**32 - 1))
filed("a.parquet", "parquet of nothing", lambda: b"PAR1PAR1")
filed("a.parquet", "parquet of nested footers", lambda: parquet(b"\x1c" * 50_000))
filed(
    "a.xlsx",
    "a sheet of a million empty rows",
    lambda: workbook(b'<row r="1"><c r="A1"><v>1</v></c></row>' + b"<row/>" * 2**20),
)
filed(
    "a.xlsx",
    "a sheet whose only cell is the last",
    lambda: workbook(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
)
filed(
    "a.xlsx",
    "a sheet with a cell in no column",
    lambda: workbook(b'<row r="1"><c r="ZZZZZZ1"><v>1</v></c></row>'),
)
filed(
    "a.xlsx", "a sheet with a row of no number", lambda: workbook(b'<row r="-3"><c r="1A"><v>x</v></c></row>')
)
filed("a.xlsx", "a sheet of a gigabyte of blanks", lambda: workbook(b" " * 2**28 + cells(3)))
filed("a.xlsx", "a sheet with entities", lambda: workbook(cells(2)).replace(b"<worksheet", b"<!DOCTYPE a>"))
filed("a.xlsx", "a workbook of strange members", lambda: members(a__b=b"1", xl__workbook=b"<"))
filed("a.xlsx", "a sheet of nested tags", lambda: workbook(b"<row>" * 50_000))
filed("a.csv", "a table of null characters", lambda: b"a,b\n" + b"\x00,\x001\n" * 500)
filed("a.csv", "a table of a long line", lambda: b"a,b\n1," + b"7" * 2**27 + b"\n2,3\n")
filed("a.csv", "a table of many columns", lambda: b",".join(b"%d" % k for k in range(300_000)) + b"\n1\n")
filed(
    "a.csv",
    "a table of two encodings",
    lambda: "größe,b\n1,ü\n".encode("latin-1") * 9 + "größe,ü\n".encode() * 9,
)
filed("a.csv", "a table of wide characters without a mark", lambda: "a,b\n1,2\n3,4\n".encode("utf-16-le"))
filed("a.csv", "a table with an open quote", lambda: b'a,b\n"1,2\n' + b"3,4\n" * 99_999)
filed(
    "a.csv", "a table of numbers without end", lambda: b"a\n" + b"1e999999999\n" * 9 + b"9" * 50_000 + b"\n"
)
filed("a.csv", "a table whose columns have one name", lambda: b"a,a,a,A,,\n" + b"1,2,3,4,5,6\n" * 40)
filed("a.csv", "a table with ten marks of an encoding", lambda: b"\xef\xbb\xbf" * 10 + table())
filed(
    "a.csv.gz", "a packed table cut twice", lambda: gzip.compress(table())[:-9] + gzip.compress(table())[9:]
)

# ---- arrays

filed("a.npy", "an array of a huge shape", lambda: npy("'<f8'", "(1000000000000, 1000000)", bytes(64)))
filed("a.npy", "an array of a negative shape", lambda: npy("'<f8'", "(-1, 4)", bytes(64)))
filed("a.npy", "an array of shape True", lambda: npy("'<f8'", "(True, 4)", bytes(64)))
filed("a.npy", "an array of empty types", lambda: npy("'<V0'", "(3, 4)", bytes(64)))
filed("a.npy", "an array of objects", lambda: npy("'|O'", "(3,)", b"\x80\x04N."))
filed("a.npy", "an array with code in its header", lambda: npy("__import__('os')", "(3,)"))
filed("a.npy", "an array of nested brackets", lambda: npy("'<f8'", "(" * 4000 + ")" * 4000))
filed("a.npy", "an array of many axes", lambda: npy("'<f8'", "(" + "1, " * 80 + ")", bytes(8)))
filed("a.npy", "an array of times", lambda: saved(np.save, np.array(["2020-01-01"] * 9, "M8[D]")))
filed("a.npz", "arrays of objects", lambda: members(**{"x.npy": npy("'|O'", "(3,)", b"\x80\x04N.")}))
filed(
    "a.npz", "arrays under names that leave", lambda: members(**{"..__..__x.npy": saved(np.save, np.eye(9))})
)
filed("a.npz", "arrays that are no arrays", lambda: members(x=b"1", **{"y.npy": b"", "z.npy": b"\x93NUMPY"}))
filed("a.npz", "an archive of many members", lambda: members(**{f"{k}.npy": b"" for k in range(70_000)}))
filed(
    "a.mat",
    "a newer matlab file",
    lambda: b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF\r\n\x1a\n" + bytes(99),
)
filed("a.npy", "a tensor of another kind", lambda: struct.pack("<Q", 2**60) + b"{}")

# ---- pictures and recordings

filed(
    "i/a.png", "a picture of a wrong sum", lambda: png(4, 4, chunk(b"IDAT", zlib.compress(bytes(20)), crc=1))
)
filed("i/a.png", "a picture of an endless chunk", lambda: png(4, 4, chunk(b"IDAT", b"abc", size=2**31 - 1)))
filed(
    "i/a.png",
    "a picture of two billion by two billion",
    lambda: png(2**31 - 1, 2**31 - 1, chunk(b"IDAT", zlib.compress(bytes(99)))),
)
filed("i/a.png", "a picture of no width", lambda: png(0, 4, chunk(b"IDAT", zlib.compress(bytes(20)))))
filed(
    "i/a.png",
    "a picture of a gigabyte of words",
    lambda: png(
        4,
        4,
        chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(2**28))) + chunk(b"IDAT", zlib.compress(bytes(20))),
    ),
)
filed(
    "i/a.tiff",
    "a picture of circular directories",
    lambda: tiff([(256, 3, 1, 4), (257, 3, 1, 4)], following=8),
)
filed(
    "i/a.tiff",
    "a picture of four billion values",
    lambda: tiff([(256, 4, 1, 2**32 - 1), (257, 4, 1, 2**32 - 1), (273, 4, 2**32 - 1, 8), (279, 4, 1, 9)]),
)
filed(
    "i/a.tiff",
    "a picture of strips outside",
    lambda: tiff(
        [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 2**31), (279, 4, 1, 16)]
    ),
)
filed(
    "i/a.gif",
    "an animation of many frames",
    lambda: (
        b"GIF89a"
        + struct.pack("<HH3B", 4, 4, 0x80, 0, 0)
        + bytes(6)
        + (b"," + struct.pack("<4HB", 0, 0, 4, 4, 0) + b"\x02\x03\x84\x8f\x09\x00") * 50_000
        + b";"
    ),
)
filed("i/a.jpg", "a picture of text", lambda: b"\xff\xd8\xff\xe0" + b"text " * 900)
filed("i/a.pgm", "a plain picture of a huge size", lambda: b"P5 1000000000 1000000000 255\n" + bytes(99))
filed("s/a.wav", "a recording of no channels", lambda: wav(channels=0))
filed("s/a.wav", "a recording of 65,535 channels", lambda: wav(channels=65535))
filed("s/a.wav", "a recording of a billion samples a second", lambda: wav(rate=10**9))
filed("s/a.wav", "a recording of no rate", lambda: wav(rate=0))
filed("s/a.wav", "a recording of samples without bits", lambda: wav(bits=0))
filed("s/a.flac", "a recording without its end", lambda: sound("FLAC")[:-300])
filed("a.mid", "music of an endless number", lambda: midi(b"\xff" * 9000))
filed(
    "a.mid",
    "music of a wait of ages",
    lambda: midi(b"\xff\xff\xff\x7f\x90\x3c\x40" * 300 + b"\x00\xff\x2f\x00"),
)
filed("a.mid", "music without time", lambda: midi(b"\x00\x90\x3c\x40\x00\xff\x2f\x00", division=0))
filed("a.mid", "music of many tracks", lambda: midi(b"\x00\xff\x2f\x00", tracks=65535, size=2**32 - 1))
filed("a.json", "music in numbers of many digits", lambda: b'{"train": [[[' + b"9" * 10_000 + b"]]]}")
filed(
    "a.json",
    "music of infinite notes",
    lambda: b'{"train": [[[NaN, Infinity, -1e999]]], "valid": [], "test": null}',
)
