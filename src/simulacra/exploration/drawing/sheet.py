"""Images in rows and columns as a `Picture`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing.picture import Images, Picture, Sheet
from simulacra.exploration.drawing.scale import ClassColours, Scale, SignedScale, scale_of


def images_of(space: Space, x: Tensor, hidden: Tensor | None = None, scale: Scale | None = None) -> Images:
    """Images with their scale; classes have a colour each.

    Args:
        space: of one image.
        x: in raw units, shape (B, C, H, W).
        hidden: True at values that are missing, shape of x; a pixel is missing if one of its channels is.
        scale: values that are black and white; None: those of `scale_of`.

    Raises:
        ValueError: if the space does not hold images.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Levels
        >>> images_of(Levels((1, 1, 2), 17), torch.tensor([[[[0, 16]]]])).scale
        Scale(black=0.0, white=16.0, words='')
    """
    if not space.image:
        raise ValueError(f"{space} holds no images.")
    x = x.detach().cpu()
    gone = None if hidden is None else hidden.cpu().any(1).numpy()
    if isinstance(space, Categorical):
        return Images(x.numpy(), ClassColours(space.classes), gone)
    return Images(x.numpy(), scale or scale_of(space, x), gone)


def signed_images(maps: Tensor) -> Images:
    """Maps of weights or gradients, each on its own signed scale.

    Args:
        maps: shape (B, C, H, W); the colour shows the mean over channels.
    """
    return Images(maps.detach().cpu().numpy().mean(1, keepdims=True), SignedScale())


def sheet(
    space: Space, images: Tensor, title: str = "", hidden: Tensor | None = None, **names: Any
) -> Picture:
    """Images in rows and columns, with a note that gives their scale where it is not obvious.

    Args:
        space: of one image.
        images: in raw units, shape (rows, columns, C, H, W).
        title: above the images.
        hidden: True at values that are missing, shape of `images`; None: no value is.
        names: `row_names`, `column_names` and `captions` of `Sheet`.

    Raises:
        ValueError: if the space does not hold images.
    """
    part = images_of(space, images.flatten(0, 1), None if hidden is None else hidden.flatten(0, 1))
    return of_images([part], images.shape[1], title, **names)


def of_images(images: list[Images], columns: int, title: str = "", **more: Any) -> Picture:
    """Images that follow each other in rows, as one picture.

    Args:
        images: all of one height and width; each may have a scale of its own.
        columns: images in each row.
        title: above the images.
        more: other arguments of `Sheet`; names may be lists.
    """
    notes = dict.fromkeys(part.scale.words for part in images if isinstance(part.scale, Scale))
    layout: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in more.items()
    }
    return Picture(title, tuple(images), Sheet(columns, note="; ".join(filter(None, notes)), **layout))
