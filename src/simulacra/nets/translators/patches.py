"""The patch critic of pix2pix: a score for each overlapping patch of {c, x}.

    n halvings, then two convolutions of stride 1, all with kernel 4;   r = 1 at the output, and going back
    through a layer of kernel k and stride s                            r <- (r - 1) s + k              (1)

Equation (1) gives the side of the patch that a score sees: 16, 34, 70, 142, 286 for n = 1 ... 5. One pixel is
two convolutions of kernel 1. The critic is a loss of texture: what is further apart than a patch counts as
independent.

Reference: Isola, Zhu, Zhou and Efros 2017, section 3.2.2. Row G18.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.nets.adversarial.dcgan import begin
from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.layers import activation
from simulacra.nets.maps import with_channel, with_maps
from simulacra.nets.translators.strided import KERNEL, Halve, halved, widths
from simulacra.nets.unet import CONVOLUTIONS

MOST = 5  # halvings
PART = 3  # the usual patch is at most this part of the shorter side


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Returns the side of the patch that one output of a stack of convolutions sees, equation (1).

    Args:
        layers: kernel and stride of each layer, the first one first.

    Example:
        >>> receptive_field([(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)])
        70
    """
    r = 1
    for kernel, stride in reversed(layers):
        # (1)
        r = (r - 1) * stride + kernel
    return r


def layers_of(halvings: int) -> list[tuple[int, int]]:
    """Returns kernel and stride of each layer of a patch critic.

    Args:
        halvings: number of halvings n; 0: patches of one pixel.
    """
    return [(KERNEL, 2)] * halvings + [(KERNEL, 1)] * 2 if halvings else [(1, 1)] * 2


PATCHES = tuple(receptive_field(layers_of(n)) for n in range(MOST + 1))


def possible_patches(sides: Sequence[int]) -> tuple[int, ...]:
    """Returns the patches that maps can be judged by: after the halvings, sides of 3 or more are left.

    Args:
        sides: sides of the maps.

    Example:
        >>> possible_patches((64, 64)), possible_patches((5, 6)), possible_patches((3, 9))
        ((1, 16, 34, 70, 142), (1, 16), (1,))
    """
    return tuple(r for n, r in enumerate(PATCHES) if not n or min(halved(sides, n)) > 2)


def usual_patch(sides: Sequence[int]) -> int:
    """Returns the patch where nothing else is said: a third of the shorter side or less, 16 where possible.

    Args:
        sides: sides of the maps.

    Example:
        >>> [usual_patch((side, side)) for side in (256, 128, 64, 28, 4)]
        [70, 34, 16, 16, 1]
    """
    found = possible_patches(sides)
    small = [r for r in found if r <= min(sides) / PART]
    return max([*small, *found[:2]]) if len(found) > 1 else found[0]


class PatchCritic(nn.Module):
    """Scores patches: maps images (B, *in_shape) and maps of a condition (B, K, *sides) to (B, *).

    Args:
        in_shape: shape of one observation, (T,) or (C, *sides).
        condition: K, channels of the condition; 0: the critic does not see it.
        channels: channels after the first layer; they double up to eight times as many.
        patch: side of a patch, one of `PATCHES`; None: see `usual_patch`.
        normalization: "instance", "batch", "layer" or "none", of the layers between the first and the last.

    Raises:
        ValueError: if there is no such patch, or the sides are too small for it.

    Example:
        >>> import torch
        >>> critic = PatchCritic((3, 64, 64), condition=3, channels=4, patch=34)
        >>> scores, features = critic(torch.zeros(2, 3, 64, 64), torch.zeros(2, 3, 64, 64))
        >>> critic.receptive_field, scores.shape
        (34, torch.Size([2, 14, 14]))
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        condition: int = 0,
        channels: int = 32,
        patch: int | None = None,
        normalization: str = "instance",
    ):
        super().__init__()
        channel, *sides = in_shape if len(in_shape) > 1 else (1, *in_shape)
        _check_patch(patch, sides)
        n = PATCHES.index(usual_patch(sides) if patch is None else patch)
        self.dims, self.condition = len(sides), condition
        conv, wide = CONVOLUTIONS[self.dims - 1], widths(channels, n + 1 if n else 1)
        layers: list[nn.Module] = []
        kind = "none"
        for a, b in pairwise([channel + condition, *wide[:n]]):
            layers += [Halve(a, b, self.dims, kind), activation("leaky-relu-0.2")]
            kind = normalization
        kernel, padding = (KERNEL, 1) if n else (1, 0)
        last = wide[n - 1] if n else channel + condition
        before = conv(last, wide[-1], kernel, 1, padding, bias=needs_bias(kind))
        layers += [before, norm(kind, wide[-1], self.dims + 2), activation("leaky-relu-0.2")]
        self.body, self.score = nn.Sequential(*layers), conv(wide[-1], 1, kernel, 1, padding)
        self.layers = layers_of(n)
        self.apply(begin)

    @property
    def receptive_field(self) -> int:
        """Side of the patch that a score sees, equation (1)."""
        return receptive_field(self.layers)

    def forward(self, h: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns scores (B, *) and features (B, width, *) of h (B, *in_shape) and maps c, or None."""
        h = with_channel(h, self.dims)
        f = self.body(with_maps(h, c) if self.condition else h)
        return self.score(f).squeeze(1), f


def _check_patch(patch: int | None, sides: Sequence[int]) -> None:
    """Raises ValueError unless maps of these sides can be judged by patches of this side."""
    possible = possible_patches(sides)
    if patch is None or patch in possible:
        return
    ways = [build_with(patch=r) for r in possible]
    size = "x".join(map(str, sides))
    raise Refusal(
        f"patch is {patch}, but patches of {size} have sides of {_listed(possible)}: take {ways[-1]}.",
        ways[-1],
    )


def _listed(numbers: Sequence[int]) -> str:
    return " or ".join(
        [", ".join(map(str, numbers[:-1])), str(numbers[-1])] if len(numbers) > 1 else map(str, numbers)
    )
