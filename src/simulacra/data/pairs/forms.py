"""The forms of `condition=` that make pairs: halves, folders, captions, frames before, and corruptions of x.

left, right             that half of each picture is c, the other one x
folder:PATH             the file of the same name in another folder
captions:FILE.csv       the texts of a table with the columns file and caption
captions                the captions that the data hold themselves
past:4                  the 4 frames before, stacked on channels
downscale:4             smaller: a quarter of the sides
edges, blur:1.5 ...     made from x by a corruption, once, keyed by the row's values and the seed
view                    a picture of a volume from the front
mix:FOLDER:5:NAME       x mixed with noise recordings at 5 dB; the recording NAME only in the test split
domain:FOLDER           no pairs but two domains, whose names are the labels (see `data.domains.form`)
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.mix import Mix
from simulacra.core.corruption.noise import GaussianNoise
from simulacra.core.corruption.parse import KINDS
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.domains.form import DOMAIN, Domain, domain_of
from simulacra.data.pairs.projecting import View
from simulacra.data.pairs.shrinking import Shrink

HALVES = ("left", "right")
FOLDER, PAST, NOISE, CAPTIONS = "folder", "past", "noise", "captions"
FRAMES = 4  # number of frames that messages suggest
# kinds of corruptions as conditions, where these are not those of models
OWN: dict[str, type[Corruption]] = {NOISE: GaussianNoise, Shrink.name: Shrink, View.name: View}
WORDS = (
    "label",
    *HALVES,
    "folder:PATH",
    f"{CAPTIONS}:FILE.csv",
    f"{PAST}:{FRAMES}",
    *KINDS,
    NOISE,
    View.name,
    "mix:FOLDER",
    f"{DOMAIN}:FOLDER",
)


@dataclass(frozen=True)
class Half:
    """One half of each picture as the condition.

    Args:
        side: `left` or `right`.
    """

    side: str

    @property
    def other(self) -> str:
        """The half that is x."""
        return HALVES[self.side == HALVES[0]]

    @property
    def text(self) -> str:
        """The form as it is typed."""
        return self.side


@dataclass(frozen=True)
class OtherFolder:
    """Files of the same names in another folder as conditions.

    Args:
        path: the folder of the conditions.
    """

    path: Path

    @property
    def text(self) -> str:
        """The form as it is typed, with the whole path."""
        return f"{FOLDER}:{self.path.resolve()}"


@dataclass(frozen=True)
class Captions:
    """Captions as conditions.

    Args:
        path: the table of captions; None: the data hold their captions themselves.
    """

    path: Path | None = None

    @property
    def text(self) -> str:
        """The form as it is typed, with the whole path."""
        return CAPTIONS if self.path is None else f"{CAPTIONS}:{self.path.resolve()}"

    def within(self, folder: Any) -> Captions:
        """Returns the form with a table that lies in the folder of the pictures, where it is not elsewhere.

        Args:
            folder: the data, such as a folder.
        """
        if self.path is None or self.path.exists() or not isinstance(folder, Path):
            return self
        inside = folder / self.path
        return Captions(inside) if inside.exists() else self


@dataclass(frozen=True)
class Past:
    """The frames before each frame as the condition.

    Args:
        frames: number of frames.
    """

    frames: int

    @property
    def text(self) -> str:
        """The form as it is typed."""
        return f"{PAST}:{self.frames}"


@dataclass(frozen=True)
class Made:
    """A condition that a corruption makes from x.

    Args:
        corruption: the corruption.
        held_out: name of the noise recording that is for test rows alone; empty: none is.
    """

    corruption: Corruption
    held_out: str = ""

    @property
    def text(self) -> str:
        """The form as it is typed, with the level and the whole path of noise recordings."""
        made = self.corruption
        if isinstance(made, Mix):
            text = f"{made.name}:{Path(made.folder).expanduser().resolve()}:{made.level:g}"
            return f"{text}:{self.held_out}" if self.held_out else text
        return made.text


Form = Half | OtherFolder | Captions | Past | Made | Domain


def form_of(condition: str | None) -> Form | None:
    """Returns the form of pairs that a condition names; None where it names no form.

    Args:
        condition: the option `condition` of `load_data`.

    Raises:
        ValueError: if a form lacks its folder or number, or its number is out of range.

    Example:
        >>> form_of("left").other, form_of("past:4").frames, form_of("noise:0.2").text, form_of("age")
        ('right', 4, 'gaussian:0.2', None)
    """
    name, _, rest = (condition or "").strip().partition(":")
    if name in HALVES and not rest:
        return Half(name)
    if name == FOLDER:
        return OtherFolder(_folder(rest))
    if name == CAPTIONS:
        return Captions(Path(rest).expanduser() if rest else None)
    if name == PAST:
        return Past(_frames(str(condition), rest))
    if name == DOMAIN:
        return domain_of(condition)
    if name == Mix.name:
        return _mixed(str(condition), rest)
    kind = OWN.get(name) or KINDS.get(name)
    return None if kind is None else Made(_made(str(condition), kind, rest))


def near_word(condition: str) -> str:
    """Returns the word for a condition that is spelled nearly like this one; empty if there is none.

    Args:
        condition: an unknown condition.

    Example:
        >>> near_word("rihgt"), near_word("downscal:4"), near_word("age")
        ('right', 'downscale:4', '')
    """
    name, colon, rest = condition.strip().partition(":")
    known = {word.partition(":")[0]: word for word in WORDS}
    near = difflib.get_close_matches(name.lower(), known, 1, 0.7)
    return "" if not near else f"{near[0]}{colon}{rest}" if colon else known[near[0]]


def _folder(rest: str) -> Path:
    if not rest:
        raise ValueError(
            "condition='folder:' names no folder: give the one with the conditions, as in 'folder:PATH'."
        )
    return Path(rest).expanduser()


def _frames(condition: str, rest: str) -> int:
    if not rest.isdecimal() or int(rest) < 1:
        usual = load_with(condition=f"{PAST}:{FRAMES}")
        raise Refusal(
            f"condition={condition!r} needs the number of frames before each frame, from 1: load the data "
            f"with {usual}.",
            usual,
        )
    return int(rest)


def _made(condition: str, kind: type[Corruption], level: str) -> Corruption:
    """Returns the corruption at a level that is typed."""
    try:
        return kind(float(level) if level else None)
    except ValueError as error:
        usual = load_with(condition=kind().text)
        needed = f"a level that is {kind.unit}" if kind.unit else "no level"
        raise Refusal(
            f"condition={condition!r} needs {needed}: load the data with {usual}.", usual
        ) from error


def _mixed(condition: str, rest: str) -> Made:
    """Returns the mixture of FOLDER, FOLDER:LEVEL or FOLDER:LEVEL:NAME."""
    before, _, last = rest.rpartition(":")
    folder, _, level = before.rpartition(":")
    if not rest:
        raise ValueError(
            "condition='mix' needs a folder of noise recordings: name one, as in 'mix:FOLDER:5'."
        )
    # a recording may have a number as its name
    named = not _is_number(last) or (_is_there(folder) and not _is_there(before))
    if folder and _is_number(level) and named:
        return Made(Mix.parsed(before), last)
    if before and not _is_number(last) and not _is_there(rest):
        usual = load_with(condition=f"mix:{before}:{Mix.usual:g}")
        raise Refusal(
            f"condition={condition!r} needs {Mix.unit} behind the folder: load the data with {usual}.", usual
        )
    return Made(Mix.parsed(rest))


def _is_there(path: str) -> bool:
    return bool(path) and Path(path).expanduser().exists()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
