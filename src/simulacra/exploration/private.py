"""The folder of a run for pictures that show rows of the data, or samples that were made from such rows."""

from __future__ import annotations

from pathlib import Path

from simulacra.core.storage.files import write_atomically
from simulacra.core.storage.nested import make_folder

PRIVATE = "private"
NOTICE = """\
The pictures in this folder show rows of the data set, not only what the model drew: reconstructions,
completions, inversions, sums of codes, nearest training rows, ends of interpolations, samples that were made
from the conditions of held-out rows. Look at the licence of the data, and at whom they show, before you pass
them on.
"""


def private_folder(folder: Path) -> Path:
    """Returns the folder for pictures with rows of the data; a notice in it explains this.

    Args:
        folder: run folder, or another folder of pictures.
    """
    place = folder / PRIVATE
    make_folder(place)
    write_atomically(place / "README.txt", lambda aside: aside.write_text(NOTICE, encoding="utf-8"))
    return place
