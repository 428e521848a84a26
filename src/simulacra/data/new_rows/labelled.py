"""New rows whose condition is a label of the data, such as a folder's name, or one that the user gave."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary
from simulacra.data.new_rows.chunk import NewRows
from simulacra.data.new_rows.wanted import Wanted


@dataclass
class LabelledRows(NewRows):
    """Rows of images, recordings or arrays, whose condition may be a label.

    Args:
        wanted: what the model takes.
        labelled: True if the labels of the data are the conditions.
        label_names: names of the classes of the data.
    """

    wanted: Wanted = field(default_factory=lambda: Wanted(Binary(())))
    labelled: bool = False
    label_names: tuple[str, ...] = ()

    def settle_condition(self, key: str | None = None) -> None:
        """Decides whether the conditions are the labels of the data, or given by the user.

        Args:
            key: key of the labels in an array file, or None.

        Raises:
            ValueError: if the model needs conditions and there are none.
        """
        given, needed = self.wanted.given, self.wanted.condition is not None
        self.labelled = needed and bool(self.label_names)
        if given is not None and given not in (key, "label"):
            self.labelled, self.value = False, self.wanted.parse(given)
        elif needed and not self.labelled:
            raise ValueError(
                f"{self.path} has no labels, and the model needs the condition of each row: give one class "
                "or number for all rows with --condition VALUE."
            )

    def classes(self, labels: Tensor) -> Tensor:
        """Returns class numbers of the model for those of the data, by name.

        Args:
            labels: class numbers of the data, shape (B,).

        Raises:
            ValueError: if the model does not know a class.
        """
        space, names = self.wanted.condition, self.label_names
        theirs = space.names if isinstance(space, Categorical) else ()
        if not theirs or not names:
            return labels
        unknown = [name for name in names if name not in theirs]
        if unknown:
            raise ValueError(
                f"{self.path} has the class {unknown[0]!r}, which the model does not know: its classes are "
                f"{', '.join(theirs)}."
            )
        return torch.tensor([theirs.index(name) for name in names])[labels.long()]
