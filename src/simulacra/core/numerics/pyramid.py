"""The Laplacian pyramid: an image as its coarsest version and what each finer level adds to it.

    I_0 = x,   I_(k+1) = d(I_k),   h_k = I_k - u(I_(k+1)),   k < K                                (1)
    I_k = u(I_(k+1)) + h_k                                                                        (2)

d halves both sides, an odd one to the larger half, and u brings an image back to the sides of the level
below; both are bicubic. (2) undoes (1) whatever d and u are: h_k holds what they lose.

Reference: Burt and Adelson 1983; Denton, Chintala, Szlam and Fergus 2015, section 2.2. Row G3.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from simulacra.core.numerics.bicubic import bicubic


def sides_of(sides: Sequence[int], K: int) -> list[tuple[int, int]]:
    """Returns height and width of I_0, ..., I_K.

    Args:
        sides: height and width of x.
        K: number of halvings.

    Example:
        >>> sides_of((28, 25), 3)
        [(28, 25), (14, 13), (7, 7), (4, 4)]
    """
    h, w = sides
    return [(-(-h // 2**k), -(-w // 2**k)) for k in range(K + 1)]


def images(x: Tensor, K: int) -> list[Tensor]:
    """Returns I_0, ..., I_K of equation (1), each (B, C, H_k, W_k).

    Args:
        x: images, shape (B, C, H, W).
        K: number of halvings.
    """
    found = [x]
    for sides in sides_of(x.shape[-2:], K)[1:]:
        found.append(bicubic(found[-1], sides))
    return found


def build(x: Tensor, K: int) -> list[Tensor]:
    """Returns h_0, ..., h_(K-1), I_K of equation (1), each (B, C, H_k, W_k).

    Args:
        x: images, shape (B, C, H, W).
        K: number of halvings.

    Example:
        >>> import torch
        >>> [tuple(part.shape[1:]) for part in build(torch.zeros(2, 3, 7, 4), 2)]
        [(3, 7, 4), (3, 4, 2), (3, 2, 1)]
    """
    *finer, coarsest = images(x, K)
    above = [*finer[1:], coarsest]
    # (1)
    return [*(fine - bicubic(coarse, fine.shape[-2:]) for fine, coarse in zip(finer, above)), coarsest]


def collapse(parts: Sequence[Tensor]) -> Tensor:
    """Returns x from its pyramid by equation (2), shape (B, C, H, W).

    Args:
        parts: h_0, ..., h_(K-1), I_K, as `build` returns them.

    Example:
        >>> import torch
        >>> x = torch.rand(2, 1, 5, 6, generator=torch.Generator().manual_seed(0))
        >>> torch.allclose(collapse(build(x, 2)), x, atol=1e-6)
        True
    """
    *residuals, image = parts
    for h in reversed(residuals):
        # (2)
        image = bicubic(image, h.shape[-2:]) + h
    return image
