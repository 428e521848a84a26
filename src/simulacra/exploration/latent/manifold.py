"""The decoded manifold: a lattice of the unit square, mapped to codes by the inverse normal CDF.

    z_ij = c + s_1 Phi^-1((j + 1/2) / n) v_1 + s_2 Phi^-1(1 - (i + 1/2) / n) v_2            (1)

For a code of two numbers with prior N(0, I), c = 0, s = 1 and v are the axes: each cell has the same prior
probability. Larger codes are cut along a plane (c, v, s), by default that of the principal directions.

Reference: Kingma and Welling 2013, figure 4. Row E19.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model


@dataclass
class Plane:
    """A plane (or a line) in the space of codes.

    Args:
        centre: c, shape (latent,).
        directions: v, orthonormal, shape (2, latent), or (1, latent).
        scale: s, standard deviations along the directions, shape (2,) or (1,).
        standard: True if the prior of the model is N(0, I) on the plane.
    """

    centre: Tensor
    directions: Tensor
    scale: Tensor
    standard: bool = False

    def codes(self, grid: Tensor) -> Tensor:
        """Codes at points of the plane.

        Args:
            grid: coordinates in standard deviations, shape (n, 2).

        Returns:
            Codes of shape (n, latent).
        """
        return self.centre + (grid.to(self.scale) * self.scale) @ self.directions

    def coordinates(self, codes: Tensor) -> Tensor:
        """Project codes to the plane.

        Args:
            codes: shape (n, latent).

        Returns:
            Coordinates in standard deviations, shape (n, 2).
        """
        return (codes.to(self.centre) - self.centre) @ self.directions.T / self.scale


def latent_grid(n: int, dims: int = 2) -> Tensor:
    """Phi^-1 of the centres of an n x n lattice of the unit square, float64, shape (n n, dims).

    Points go row by row from the top left (smallest z_1, largest z_2), so that a mosaic of them is oriented
    like a scatter plot of the codes. With dims = 1 all n n points lie on a line.

    Args:
        n: cells on a side.
        dims: numbers of a code: 2, or 1.

    Raises:
        ValueError: if n is not positive, or dims is neither 1 nor 2.

    Example:
        >>> latent_grid(3)[:, 0].round(decimals=3).tolist()[:3]
        [-0.967, 0.0, 0.967]
    """
    if n < 1:
        raise ValueError(f"n is {n}, but a lattice needs at least one cell.")
    if dims not in (1, 2):
        raise ValueError(f"dims is {dims}, but a lattice lies on a line (1) or a plane (2).")
    if dims == 1:
        return _quantiles(n * n).unsqueeze(1)
    z = _quantiles(n)
    down, right = torch.meshgrid(z.flip(0), z, indexing="ij")
    return torch.stack([right, down], -1).reshape(n * n, 2)


def _quantiles(n: int) -> Tensor:
    return torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)


def principal_plane(codes: Tensor) -> Plane:
    """The plane of the two principal directions of codes.

    Codes of two numbers keep their axes, so that the plane is oriented like a plot of them.

    Args:
        codes: shape (N, latent).

    Raises:
        ValueError: if there are fewer than two codes.

    Example:
        >>> principal_plane(torch.randn(100, 5)).directions.shape
        torch.Size([2, 5])
    """
    if len(codes) < 2:
        raise ValueError(f"codes has {len(codes)} rows, but a plane needs at least two codes.")
    codes = codes.double()
    centre, size = codes.mean(0), codes.shape[1]
    directions = torch.eye(size, dtype=torch.float64)
    if size > 2:
        directions = torch.linalg.svd(codes - centre, full_matrices=False).Vh[:2]
        # the sign of a singular vector is free: its largest entry is made positive
        directions = directions * directions.gather(1, directions.abs().argmax(1, keepdim=True)).sign()
    scale = ((codes - centre) @ directions.T).std(0)
    return Plane(centre, directions, scale.clamp_min(torch.finfo(torch.float64).tiny))


def plane_of(model: Model, codes: Tensor | None = None) -> Plane:
    """The plane on which the manifold of a model is drawn.

    A model with a Gaussian posterior has the prior N(0, I), whose plane needs no data for codes of one or two
    numbers.

    Args:
        model: that decodes.
        codes: codes of data, shape (N, latent); needed for larger codes, and without a prior.

    Raises:
        ValueError: if the model does not decode, or codes are needed.
    """
    size = _size(model)
    if model.supports(can.HasPosterior) and size <= 2:
        eye = torch.eye(size, dtype=torch.float64)
        return Plane(eye[0] * 0, eye, torch.ones(size, dtype=torch.float64), standard=True)
    if codes is None:
        raise ValueError(
            f"the codes of {type(model).__name__} have {size} numbers, so their plane needs data: "
            "give codes of data, as embed(model, split).codes returns them, or a Plane."
        )
    return principal_plane(codes)


def _size(model: Model) -> int:
    if not isinstance(model, can.Decodes) or not model.supports(can.Decodes):
        raise can.MissingCapability(f"{type(model).__name__} does not decode, so it has no manifold.")
    return model.code_size


def manifold(model: Model, n: int = 20, condition: Any = None, plane: Plane | None = None) -> Tensor:
    """The decoded lattice (1).

    Args:
        model: that decodes.
        n: cells on a side.
        condition: one for all, where the model takes one.
        plane: of the codes; None: that of the prior, for codes of one or two numbers.

    Returns:
        Expectations in raw units, shape (n n, *), from the top left, row by row.

    Raises:
        ValueError: if the model does not decode, or a plane is needed.

    Example:
        >>> import simulacra
        >>> manifold(simulacra.VAE(simulacra.Binary((1, 8, 8)), latent=2), n=3).shape
        torch.Size([9, 1, 8, 8])
    """
    plane = plane or plane_of(model)
    return model.decode(plane.codes(latent_grid(n, len(plane.scale))), condition)
