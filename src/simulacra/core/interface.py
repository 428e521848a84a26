"""The methods that users call, the same for every model family: raw data in, raw data out.

`sample`, `log_prob`, `score_samples`, `anomaly_score`, `encode`, `decode`, `reconstruct`, `complete`,
`classify`, `predict`, `denoise`, `translate`: each checks that the model has the capability, applies the
model's preprocessing, and calls the pure functions of the capability in chunks of rows. The files of
`core.methods` hold them by idea.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from simulacra.core.errors.calls import checked
from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.convert import rows_of
from simulacra.core.inputs.to_frames import to_frame
from simulacra.core.methods.coding import Coding
from simulacra.core.methods.converting import Converting
from simulacra.core.methods.drawing import Drawing
from simulacra.core.methods.rows import CHUNK as CHUNK
from simulacra.core.methods.rows import evaluating as evaluating
from simulacra.core.methods.scoring import Scoring
from simulacra.core.renamed import renames_attributes
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.tokens import Tokens

if TYPE_CHECKING:
    import pandas


@renames_attributes
class Interface(Drawing, Scoring, Coding, Converting):
    """The public methods of every model; `core.model.Model` adds training and storage."""

    @checked
    def to_dataframe(self, x: Tensor) -> pandas.DataFrame:
        """Returns rows in raw units, such as samples, as a data frame with the columns of the data.

        Args:
            x: raw rows, shape (B, columns).

        Raises:
            ValueError: if the model was not trained on a table, or pandas is not installed.
        """
        raw = self.preprocessing.raw
        if not isinstance(raw, Table):
            raise ValueError(f"the rows of {raw} have no named columns: use them as an array.")
        return to_frame(raw, as_tensor(x))

    @checked
    def text(self, x: Tensor) -> list[str]:
        """Returns rows of tokens, such as samples, as texts.

        Args:
            x: raw rows, shape (B, T).

        Raises:
            ValueError: if the model was not trained on text.

        Example:
            >>> from simulacra import NADE, Tokens
            >>> model = NADE(Tokens((3,), 3, ("<end>", "a", "b")), hidden=2)
            >>> model.text([[2, 1, 0]])
            ['ba']
        """
        raw = self.preprocessing.raw
        if not isinstance(raw, Tokens):
            raise ValueError(f"the rows of {raw} are no text: use them as an array.")
        return raw.texts(rows_of(raw, x)[0])
