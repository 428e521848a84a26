"""Networks that lead what a view shows of one domain to the other, and the checks of two domains.

Reference: Zhu, Park, Isola and Efros 2017, section 4; Johnson, Alahi and Fei-Fei 2016. Rows G24, G29.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.numerics.spectra import Spectra
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.paired import observed
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.two_player import classes_of
from simulacra.models.adversarial.paired.players import Normalization, Translator, translator
from simulacra.models.adversarial.unpaired.views import PlainView, SpectralView

Network = Literal["auto", "residual", "unet", "encoder-decoder", "additive"]
View = PlainView | SpectralView


class Led(nn.Module):
    """A translator between domains: a network without noise, and its last activation.

    Args:
        net: network `(z, h) -> (B, *shape)`.
        bounded: if True, the output is led through tanh.
        adds: if True, the output is added to h.
    """

    def __init__(self, net: nn.Module, bounded: bool, adds: bool = False):
        super().__init__()
        self.net, self.bounded, self.adds = net, bounded, adds

    def forward(self, h: Tensor) -> Tensor:
        """Returns h of the other domain, shape (B, *shape), for h (B, *shape)."""
        y = self.net(h.new_zeros(len(h), 0), h)
        if self.adds:
            return h + y
        return y.tanh() if self.bounded else y


def view_of(space: Space, window: int, hop: int) -> View:
    """Returns what networks see: spectra of recordings, the features of anything else.

    Args:
        space: space of one observation.
        window: samples of a frame of recordings.
        hop: samples between frames.

    Raises:
        ValueError: if recordings are too short for a window.
    """
    if not isinstance(space, Audio):
        return PlainView(space)
    if space.dims <= window // 2:
        raise ValueError(
            f"recordings of {space.dims} samples are shorter than half a window of {window}: give a smaller "
            "window."
        )
    return SpectralView(space.dims, Spectra(window, hop))


def translator_between(
    network: Network, view: View, channels: int, halvings: int | None, normalization: Normalization
) -> Led:
    """Builds a translator of what a view shows.

    Args:
        network: see `CycleGAN`.
        view: what it sees.
        channels: channels at the highest resolution.
        halvings: halvings of the sides; None: the usual ones.
        normalization: `instance`, `batch`, `layer` or `none`.

    Raises:
        ValueError: if the network does not fit what is seen.
    """
    if network == "auto":
        network = "residual" if view.bounded else "additive"
    if network == "additive" and view.bounded:
        way = build_with(network="residual")
        raise Refusal(
            "network='additive' adds to real numbers, which have no bounds, but these observations are "
            f"levels: use {way}.",
            way,
        )
    adds, seen = network == "additive", Real(view.shape)
    kind: Translator = "residual" if network == "additive" or network == "auto" else network
    deep = 0 if adds and halvings is None else halvings
    net = translator(kind, seen, seen, 0, channels, deep, "bottleneck", normalization)
    return Led(net, view.bounded, adds)


def check_domains(space: Space, condition: Space | None) -> Categorical:
    """Returns the condition, after checking that it names two domains of images, waves or volumes.

    Args:
        space: space of one observation.
        condition: space of the label, or None.

    Raises:
        ValueError: if x is no image, wave or volume, or there are not two classes.
    """
    name = "cycle-gan"
    playable(space, name)
    if isinstance(space, Sequence) or not observed(space):
        raise ValueError(
            f"{name} leads images, waves or volumes to another domain, but the space is {space}: take "
            "another model."
        )
    n = classes_of(condition, name, " that names its domain")
    assert isinstance(condition, Categorical)
    if condition.shape != ():
        raise ValueError(f"{name} needs one label for each row, but the condition is {condition}.")
    if n < 2:
        alone = condition.names[0] if condition.names else "0"
        way = load_with(condition="domain:edges")
        raise Refusal(
            f"{name} leads from one domain to another, but all rows are of the class {alone}: add rows of a "
            "second class, name a second folder, as in condition='domain:FOLDER', or load the data with "
            f"{way}.",
            way,
        )
    if n > 2:
        pair = [str(k) for k in (condition.names[:2] or (0, 1))]
        way = load_with(condition=f"domain:{','.join(pair)}")
        raise Refusal(
            f"{name} leads between two domains, but the rows are of {n} classes: choose two of them, such as "
            f"with {way}.",
            way,
        )
    return condition
