"""A request for answers on the rows of a file: the model, the rows, and where the answers go."""

from __future__ import annotations

import inspect
import logging
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra.cli.output import say

if TYPE_CHECKING:
    from simulacra.core.model import Model
    from simulacra.data.new_rows.chunk import NewRows
    from simulacra.data.new_rows.wanted import Wanted

log = logging.getLogger("simulacra")
STDOUT = "-"
ABOUT_FILE = """FILE is read as the data of the run were: a .csv table (plain or .gz; - is standard input), a
spreadsheet or a Parquet file with the columns of the model, in any order and beside others; an array file
(.npy, .npz); a folder of images or of recordings, or one such file; a .txt file of texts, one a line. A
table of any length is read in flat memory.
Exit codes: 0 every row has its answer; 2 the request or the file is refused, and no file is written;
3 some rows have no answer (their cells are empty), or one that leaves out a cell that cannot be read.
With --out - the table goes to standard output, and all else to standard error."""
NAMED = 3  # most files whose reasons an error names
ODD = 3  # exit code: some rows have no answer, or one that leaves a cell out


@dataclass(frozen=True)
class Request:
    """Words of a command that all methods share.

    Args:
        command: name of the command.
        run: run folder or saved model.
        file: file or folder of new rows; `-` for a table on standard input.
        out: file or folder of the answers; `-` for standard output.
        condition: column or value, as typed; None: the recorded column.
        escape: write an apostrophe before names of files that a spreadsheet would compute.
    """

    command: str
    run: str
    file: str
    out: str
    condition: str | None = None
    escape: bool = False

    @property
    def path(self) -> Path:
        """The file or folder of the answers."""
        return Path(self.out)

    @property
    def piped(self) -> bool:
        """True if the answers go to standard output."""
        return self.out == STDOUT

    def opened(
        self, lenient: Callable[[Model], bool], conditional: bool = True, whole: bool = False
    ) -> tuple[Model, NewRows]:
        """Returns the model and the rows.

        Args:
            lenient: returns True if the model can use rows with gaps.
            conditional: False for answers that take no condition.
            whole: True for answers that are stitched from tiles of images and recordings of any size.

        Raises:
            ValueError: if the model lacks the capability, or the file does not fit it or the output.
        """
        from simulacra.cli.methods.ability import check_able
        from simulacra.cli.options.conditions import typed_condition
        from simulacra.core.artifact.save import open_artifact
        from simulacra.core.capabilities import general as can
        from simulacra.core.capabilities.paired import draws_pairs
        from simulacra.data.new_rows.opening import open_rows
        from simulacra.data.new_rows.wanted import Wanted
        from simulacra.training.run import load

        self._check_other_file()
        model = load(self.run)
        check_able(model, self.command)
        spec = open_artifact(Path(self.run)).config.get("data", {}).get("spec") or {}
        if self.command == "translate" and draws_pairs(model):
            rows = open_rows(self.file, self._of_pairs(model, spec, whole))
            rows.escape = self.escape
            return model, rows
        # parts of a page are put together where answers have the shape of the rows
        whole = whole and self._space(model).shape == model.preprocessing.raw.shape
        needed = conditional and (self.condition is not None or model.supports(can.TakesCondition))
        wanted = Wanted(
            self._space(model),
            spec,
            lenient(model),
            model.conditioning.raw if needed and model.conditioning is not None else None,
            self.condition,
            lambda text: typed_condition(model, text),
            model.preprocessing.geometry,
            whole,
        )
        rows = open_rows(self.file, wanted)
        rows.escape = self.escape
        return model, rows

    def _of_pairs(self, model: Model, spec: Mapping[str, Any], whole: bool) -> Wanted:
        """Returns the needs of a model whose rows are conditions, which it leads to its space.

        Raises:
            ValueError: if a condition is given beside them.
        """
        from simulacra.core.methods.whole import factors_of
        from simulacra.data.new_rows.wanted import Wanted

        if self.condition is not None:
            raise ValueError(
                f"{type(model).__name__} translates its condition, and these are the rows of {self.file}: "
                "leave out --condition."
            )
        chain = model.conditioning
        assert chain is not None
        # labels, and how 0 and 1 are made of levels, are options of the targets
        own = {name: value for name, value in spec.items() if name not in ("label", "binarize", "key")}
        given = spec.get("condition")
        own |= {"key": given} if isinstance(given, str) else {}
        half = str(given) if given in ("left", "right") and chain.raw.image else ""
        whole = whole and factors_of(chain.raw, model.preprocessing.raw) is not None
        return Wanted(chain.raw, own, geometry=chain.geometry, whole=whole, source=True, half=half)

    def _space(self, model: Model) -> Any:
        """Returns the raw space of the rows: that of the data, or of a translation's source."""
        from simulacra.core.methods.whole import source_of

        return source_of(model) if self.command == "translate" else model.preprocessing.raw

    def _check_other_file(self) -> None:
        """Raises ValueError if the output would overwrite the input."""
        from simulacra.core.storage.folders import check_length

        if self.piped or self.file == STDOUT:
            return
        check_length(self.path)
        ours, theirs = self.path.resolve(), Path(self.file).expanduser().resolve()
        inside = theirs.is_dir() and ours.is_relative_to(theirs)
        if ours != theirs and ours.is_dir() and theirs.is_relative_to(ours):
            raise ValueError(
                f"--out {self.out} holds the input {self.file}, and answers go to a folder or file of their "
                f"own: give another name, such as {self.path / 'answers'}."
            )
        if ours == theirs or inside:
            raise ValueError(
                f"--out {self.out} is {'in ' * inside}the input {self.file}, which is never overwritten: "
                "give another name."
            )

    def check_names(self, rows: NewRows, added: list[str]) -> None:
        """Raises ValueError if the file has a column with the name of an answer.

        Args:
            rows: the rows of the file.
            added: names of the answers.
        """
        twice = next((name for name in added if name in rows.names), None)
        if twice is not None:
            raise ValueError(
                f"{self.file} has a column {twice!r} already, and the answers get this name: rename the "
                "column."
            )

    def nothing(self, rows: NewRows) -> ValueError:
        """Returns the error for a file without a row that the model can use.

        Args:
            rows: the rows, after the last one is read.
        """
        said = [reason.rstrip(".") for reason in rows.reasons.values()]
        more = f"; and so {len(said) - NAMED:,} more" if len(said) > NAMED else ""
        why = "; ".join(said[:NAMED]) + more or "it has no rows"
        if rows.listed and rows.reasons:
            return ValueError(f"no row of {self.file} has an answer: {why}.")
        return ValueError(f"no row of {self.file} has an answer: {why}; fill the gaps or mend the cells.")

    def concluded(self, rows: NewRows, n: int, about: str) -> int:
        """Says how many rows were answered, and where they are; returns the exit code.

        Args:
            rows: the rows, after the last one is read.
            n: number of rows.
            about: the answers in words, such as their mean and seed.
        """
        line = f"{n:,} row{'s' * (n != 1)}{', ' if about else ''}{about}"
        if self.piped:
            log.info("%s", line)
        else:
            say(f"{line}: {self.out}")
        for topic, reason in rows.reasons.items():
            if topic not in ("unused", "condition") and not rows.unused:
                stays = ", and the cell stays as it is" if self.command == "complete" else ""
                reason += f": taken as missing{stays}"
            log.warning("%s", reason)
        if rows.unused:
            many = f"{rows.unused:,} row{'s have' if rows.unused > 1 else ' has'} no answer"
            log.warning("%s, and exit code %d says so", many, ODD)
        return ODD if rows.unused or rows.odd else 0


def told(command: Callable[..., int]) -> str:
    """Returns the end of a command's help: what its docstring says before the arguments, and on FILE.

    Args:
        command: function of the command.
    """
    paragraphs = (inspect.getdoc(command) or "").partition("Args:")[0].split("\n\n")[1:]
    about = [textwrap.fill(" ".join(text.split()), 100) for text in paragraphs if text.strip()]
    return "\n".join([*about, ABOUT_FILE])
