"""A reader of texts in a format of its own is one entry of the registry: new rows are read by it, too."""

import sys
import types
from dataclasses import dataclass

import pytest

import simulacra
from simulacra.data import readers
from simulacra.data.new_rows.opening import open_rows
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.readers import READERS
from simulacra.data.sources.reader import Reader
from simulacra.data.text.options import TextOptions
from simulacra.data.text.reader import Lines, text_source

pytestmark = pytest.mark.fault("outside 2.17")
SEQUENCES = [("acgt" * 3)[: 2 + i % 9] for i in range(40)]


@dataclass(frozen=True)
class Own:
    """Options of FASTA files.

    Args:
        least: fewest occurrences of a letter of the vocabulary.
    """

    least: int = 1


def _lines(path, own):
    parts = path.read_text().split(">")[1:]
    texts = ["".join(part.split("\n")[1:]) for part in parts]
    return Lines(texts, list(range(1, len(texts) + 1)))


def _open(path, own, split):
    options = TextOptions("characters", least=own.least)
    return text_source(path.stem, str(path), {"train": _lines(path, own)}, options, split)


@pytest.fixture
def fasta(monkeypatch):
    """The registry with a reader of FASTA files, whose module stands among those of the package."""
    module = types.SimpleNamespace(open=_open, lines=_lines)
    monkeypatch.setitem(sys.modules, "simulacra.data.fasta", module)
    one = Reader("a FASTA file", Own, "fasta:open", (".fasta",), holds="texts", lines="fasta:lines")
    monkeypatch.setattr(readers, "READERS", (*READERS, one))


def write(path, sequences):
    """Each sequence under a header, wrapped behind 4 letters."""
    wrapped = ("\n".join(s[i : i + 4] for i in range(0, len(s), 4)) for s in sequences)
    path.write_text("".join(f">seq{i} of a cat\n{s}\n" for i, s in enumerate(wrapped)))
    return path


def test_new_rows_are_the_sequences_and_not_the_lines(fasta, tmp_path):
    data = simulacra.load_data(write(tmp_path / "a.fasta", SEQUENCES), validation=0, test=0)
    assert len(data.train) == 40
    new = write(tmp_path / "new.fasta", SEQUENCES[5:12])
    (chunk,) = open_rows(str(new), Wanted(data.space, spec=data.spec)).chunks(100)
    assert len(chunk) == 7 and data.space.texts(chunk.x) == SEQUENCES[5:12]


def test_tokens_do_not_pass_the_reader_by(fasta, tmp_path):
    with pytest.raises(ValueError, match=r"tokens='characters' is no option of .*a FASTA file"):
        simulacra.load_data(write(tmp_path / "a.fasta", SEQUENCES), tokens="characters")


def test_a_reader_of_texts_in_files_must_give_their_lines():
    with pytest.raises(AssertionError, match="need lines="):
        Reader("a FASTA file", Own, "fasta:open", (".fasta",), holds="texts")
