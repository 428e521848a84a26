"""Spaces of a table's numeric column: the raw numbers, and their normal scores.

The training rows divide the line into cells, one for each of their values v_1 < ... < v_K. With P_k the
share of the rows in cell k and F_k = P_1 + ... + P_k, the cell is an interval of normal scores,

    cell k = [e_(k-1), e_k),    e_k = Phi^-1(F_k),    e_0 = -inf, e_K = inf                       (1)
    f_k = E[z | z in cell k] = (phi(e_(k-1)) - phi(e_k)) / P_k,    z ~ N(0, 1)                    (2)

and f_k is the input of networks. A model gives each cell a probability mass, so a likelihood is a probability
under the counting measure on v_1..v_K; ties need no noise, and zeros, tails and decimals are preserved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Tensor

from simulacra.core.spaces.plain import Space


@dataclass(frozen=True)
class Numeric(Space):
    """Raw numbers of a table's column; models see them as normal scores.

    Args:
        shape: shape of one observation; () for a column.
        decimals: largest number of decimals of a value; None: more than eight.
        tails: `observed`: drawn values are values of training rows; `continued`: they may lie between and
            beyond these.

    Example:
        >>> Numeric(decimals=1).dims
        1
    """

    decimals: int | None = None
    tails: Literal["observed", "continued"] = "observed"

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns x itself as a floating-point tensor.

        Args:
            x: numbers, shape (B, *shape).
            dtype: floating-point type; None: torch's default.
        """
        return x.to(dtype or torch.get_default_dtype())


@dataclass(frozen=True)
class Scores(Space):
    """Normal scores of a column, in the cells of equation (1); counting measure on the cells.

    Any number inside a cell represents that cell.

    Args:
        shape: shape of one observation; () for a column.
        edges: e_1 < ... < e_(K-1), the finite ends of the cells.

    Example:
        >>> space = Scores(edges=(0.0,))
        >>> space.cell(torch.tensor([-2.0, 0.3])).tolist()
        [0, 1]
        >>> [round(f, 3) for f in space.features(torch.tensor([-2.0, 0.3])).tolist()]
        [-0.798, 0.798]
    """

    edges: tuple[float, ...] = ()
    likelihoods: ClassVar[tuple[str, ...]] = ("interval-gaussian", "interval-mixture")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "edges", tuple(map(float, self.edges)))
        assert all(a < b for a, b in zip(self.edges, self.edges[1:]))

    def __repr__(self) -> str:
        return f"Scores(shape={self.shape}, cells={self.cells:,})"

    @property
    def cells(self) -> int:
        """Number of cells, K."""
        return len(self.edges) + 1

    @cached_property
    def _inner(self) -> Tensor:
        return torch.tensor(self.edges, dtype=torch.float64, device="cpu")

    @cached_property
    def _ends(self) -> Tensor:
        inf = torch.tensor([math.inf], dtype=torch.float64, device="cpu")
        return torch.cat([-inf, self._inner, inf])

    @cached_property
    def centres(self) -> Tensor:
        """Expected score f of each cell by equation (2), float64, shape (K,)."""
        return centres_of(self._ends)

    @cached_property
    def masses(self) -> Tensor:
        """Probability P of each cell by equation (1), float64, shape (K,)."""
        return torch.special.ndtr(self._ends).diff()

    def cell(self, x: Tensor) -> Tensor:
        """Returns the number of the cell that contains x, from 0, shape of x.

        Args:
            x: scores, any shape.
        """
        return rank(self._inner.to(x.device, x.dtype), x)

    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the lower and upper end of the cell that contains x, each in the shape and type of x.

        Args:
            x: scores, any shape.
        """
        ends, cell = self._ends.to(x.device, x.dtype), self.cell(x)
        return ends[cell], ends[cell + 1]

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns f of the cell that contains x, shape of x.

        Args:
            x: scores, any shape.
            dtype: floating-point type; None: torch's default.
        """
        dtype = dtype or torch.get_default_dtype()
        x = x if x.is_floating_point() else x.to(dtype)
        return self.centres.to(x.device, dtype)[self.cell(x)]


class Grid:
    """The cells of several columns of normal scores; entry j of the last dimension belongs to column j.

    Args:
        columns: spaces of the columns, one entry each.

    Example:
        >>> grid = Grid((Scores(edges=(0.0,)), Scores(edges=(-1.0, 1.0))))
        >>> grid.cell(torch.tensor([[0.3, 0.3]])).tolist()
        [[1, 1]]
    """

    def __init__(self, columns: tuple[Scores, ...]):
        self.edges = padded([column._inner for column in columns])
        self.bounds = padded([column._ends for column in columns])
        self.centres = padded([column.centres for column in columns])

    def cell(self, x: Tensor) -> Tensor:
        """Returns the cell number of each entry, from 0; x and the result have shape (*, columns)."""
        return ranks(self.edges.to(x.device, x.dtype), x, right=True)

    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the lower and upper ends of the cells, each in the shape and type of x."""
        bounds, cell = self.bounds.to(x.device, x.dtype), self.cell(x)
        return picked(bounds, cell), picked(bounds, cell + 1)

    def features(self, x: Tensor) -> Tensor:
        """Returns f of the cells, in the shape and type of x."""
        return picked(self.centres.to(x.device, x.dtype), self.cell(x))


def rank(edges: Tensor, x: Tensor) -> Tensor:
    """Returns the number of edges at or below x, shape of x.

    Args:
        edges: ascending, shape (K,).
        x: any shape.

    Example:
        >>> rank(torch.tensor([0.0, 1.0]), torch.tensor([-1.0, 1.0])).tolist()
        [0, 2]
    """
    if torch.compiler.is_exporting():
        # ONNX has no searchsorted
        return (x.unsqueeze(-1) >= edges).sum(-1)
    return torch.searchsorted(edges, x.contiguous(), right=True)


def padded(rows: list[Tensor]) -> Tensor:
    """Stacks rows of differing lengths to one float64 tensor, padded with inf."""
    whole = torch.full((len(rows), max(map(len, rows))), math.inf, dtype=torch.float64, device="cpu")
    for row, given in zip(whole, rows):
        row[: len(given)] = given
    return whole


def ranks(edges: Tensor, x: Tensor, right: bool = False) -> Tensor:
    """Returns the number of entries of edges[j] below x[..., j], shape of x.

    Args:
        edges: ascending rows, shape (D, K).
        x: shape (*, D).
        right: count edges equal to x too.
    """
    if torch.compiler.is_exporting():
        # ONNX has no searchsorted
        below = x.unsqueeze(-1) >= edges if right else x.unsqueeze(-1) > edges
        return below.sum(-1)
    flat = x.reshape(-1, x.shape[-1]).T.contiguous()
    return torch.searchsorted(edges, flat, right=right).T.reshape(x.shape)


def picked(rows: Tensor, index: Tensor) -> Tensor:
    """Returns rows[j, index[..., j]], shape of `index`.

    Args:
        rows: shape (D, K).
        index: shape (*, D).
    """
    offsets = torch.arange(len(rows), device=index.device) * rows.shape[1]
    return rows.flatten()[index + offsets]


def centres_of(ends: Tensor) -> Tensor:
    """Returns f of equation (2), float64, shape (K,).

    Args:
        ends: e_0..e_K, shape (K + 1,).

    Example:
        >>> centres_of(torch.tensor([-math.inf, 0.0, math.inf], dtype=torch.float64)).tolist()
        [-0.7978845608028654, 0.7978845608028654]
    """
    density = torch.exp(-0.5 * ends.square()) / math.sqrt(2 * math.pi)
    mass = torch.special.ndtr(ends).diff()
    return -density.diff() / mass
