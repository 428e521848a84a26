"""CycleGAN: two translators between two domains without pairs, held together by the way back.

    D_A, D_B: mean over patches of l_x(D_B(b)) + l_G(D_B(F(a))), and of l_x(D_A(a)) + l_G(D_A(G(b)))   (1)
    F, G:     mean over patches of l(D_B(F(a))) + l(D_A(G(b)))                                         (2)
              + cycle (mean |G(F(a)) - a| + mean |F(G(b)) - b|)
              + identity (mean |F(b) - b| + mean |G(a) - a|)                                           (3)

F leads A to B, G leads B to A. The game alone asks for answers that look like the other domain, of any
content; the way back asks that the answer keeps what is needed to find x again, and the cycle is 0 for
inverse maps. Neither says which content belongs to which: a permutation of contents has the same loss, so
that kept content is a matter of the networks, which start near small changes, and is measured.

Each step takes as many rows of A as of B, from two streams: domains of different sizes are visited by
passes of their own. Recordings are seen as log spectra, whose magnitude is led while their phase is kept
(`views`); a pitch is not carried by (3), and stays that of the speaker. The paper's buffer of earlier answers
is not used.

Reference: Zhu, Park, Isola and Efros 2017; Kaneko and Kameoka 2017; Hsu et al. 2017. Rows G24, G29.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Translates
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Initial, Source, Stage, Stream, Update
from simulacra.models.adversarial.game.labelled_stream import rows_by_class
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.paired.pix2pix import Objective
from simulacra.models.adversarial.paired.players import Normalization, PatchDiscriminator
from simulacra.models.adversarial.unpaired.losses import (
    DOMAINS,
    of_players,
    of_translators,
    players_loss,
    translators_loss,
)
from simulacra.models.adversarial.unpaired.translators import (
    Network,
    check_domains,
    translator_between,
    view_of,
)
from simulacra.models.adversarial.unpaired.views import fit_view
from simulacra.nets.translators.patches import PatchCritic


class CycleGAN(Model, Translates):
    """Game between two domains of images, recordings or volumes, without pairs.

    Args:
        space: space of one observation of either domain.
        condition: the two domains, `Categorical` of two classes: A is the first, B the second.
        network: translators: `residual` (blocks at half the resolution), `unet`, `encoder-decoder`, or
            `additive`: x plus `residual` at full resolution, small at the start, for spectra and other real
            numbers; `auto` takes `additive` for these, else `residual`.
        channels: channels of the layers next to the image, of all players.
        halvings: halvings of the sides in the translators; None: the usual ones of the network.
        normalization: normalization of all players: `instance`, `batch`, `layer` or `none`.
        patch: side of the patches that the discriminators score: 1, 16, 34, 70, 142 or 286; None: 70 for
            sides of 256, a smaller one for smaller images.
        objective: `least-squares` or `non-saturating`.
        adversarial: weight of the game (2).
        cycle: weight of the way back in (3).
        identity: weight of the distance of F(b) to b and of G(a) to a in (3).
        rows: rows of each domain in a step.
        window: samples of a frame of the spectra of recordings, even.
        hop: samples between frames, at most half a window.
        lr: learning rate of all players.

    Raises:
        ValueError: if there are not two classes, the observations are no images, recordings or volumes, or
            an option is out of range.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Levels
        >>> domains = Categorical((), 2, ("horse", "zebra"))
        >>> model = CycleGAN(Levels((1, 8, 8), 256), domains, channels=2)
        >>> model.translate(torch.zeros(3, 1, 8, 8), to="zebra").shape
        torch.Size([3, 1, 8, 8])
    """

    length = Epochs(200)

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        network: Network = "auto",
        channels: int = 32,
        halvings: int | None = None,
        normalization: Normalization = "instance",
        patch: int | None = None,
        objective: Objective = "least-squares",
        adversarial: float = 1.0,
        cycle: float = 10.0,
        identity: float = 5.0,
        rows: int = 4,
        window: int = 256,
        hop: int = 64,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        domains = check_domains(space, condition)
        _check_weights(adversarial, cycle, identity)
        if rows < 1:
            raise ValueError(f"rows is {rows}, but a step takes at least 1 row of each domain.")
        super().__init__(space, domains)
        self.view = view_of(space, window, hop)
        self.F, self.G = (
            translator_between(network, self.view, channels, halvings, normalization) for _ in DOMAINS
        )
        self.D_A, self.D_B = (
            PatchDiscriminator(PatchCritic(self.view.shape, 0, channels, patch, normalization))
            for _ in DOMAINS
        )
        self.objective, self.play = objective_of(objective), Play(lr=lr)
        self.adversarial, self.cycle, self.identity, self.rows = adversarial, cycle, identity, rows

    # ---- training

    @property
    def recommended(self) -> Mapping[str, Any]:
        """A pass over the data takes as many steps as the streams need for it, if the domains are equal."""
        return {"batch_size": 2 * self.rows}

    def updates(self) -> list[Update]:
        """Returns the updates of a step: both discriminators, then both translators."""
        of_D, of_G = self.play.optimizers()
        coupled = any(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in self.modules())
        D = Update("D", ("D_A.", "D_B."), players_loss, weights=of_players(), optimizer=of_D, coupled=coupled)
        G = Update(
            "G", ("F.", "G."), translators_loss, weights=of_translators(), optimizer=of_G, coupled=coupled
        )
        return [D, G]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, with a stream of rows of each domain.

        Args:
            i: index of the stage, from 0.
            past: records of the earlier stages.
        """
        stage = super().stage(i, past)
        if stage is not None:
            stage.streams, stage.start = self._streams, Initial(fit_view)
        return stage

    def _streams(self, source: Source) -> Mapping[str, Stream]:
        """Returns the streams A and B.

        Raises:
            ValueError: if a domain has no training row.
        """
        found = rows_by_class(source, 2)
        names = self.targets.names or ("0", "1")
        for rows, name in zip(found, names):
            if not len(rows):
                raise ValueError(
                    f"the domain {name} has no training row, and both need one: add rows of {name}, or give "
                    "more rows to training by smaller shares of validation and test."
                )
        return {
            name: Stream(rows, min(self.rows, len(rows))) for name, rows in zip(DOMAINS, found, strict=True)
        }

    # ---- players

    def seen(self, x: Tensor) -> Tensor:
        """Returns observations as the networks see them, shape (B, *view.shape)."""
        h: Tensor = self.view(x, self.dtype)[0]
        return h

    def led(self, h: Tensor, to: int) -> Tensor:
        """Returns F(h) for to = 1, G(h) for to = 0, shape of h.

        Args:
            h: what the networks see, shape (B, *view.shape).
            to: number of the domain.
        """
        y: Tensor = (self.G, self.F)[to](h)
        return y

    def judged(self, h: Tensor, domain: int) -> Tensor:
        """Returns the scores of the patches by D_A or D_B, shape (B, *).

        Args:
            h: what the networks see, shape (B, *view.shape).
            domain: 0 for D_A, 1 for D_B.
        """
        score: Tensor = (self.D_A, self.D_B)[domain](h).score
        return score

    # ---- capabilities

    @property
    def source(self) -> Space:  # type: ignore[override]
        """The space of what is given, that of both domains."""
        return self.space

    @property
    def targets(self) -> Categorical:  # type: ignore[override]
        """The two domains."""
        assert isinstance(self.condition, Categorical)
        return self.condition

    def carry(self, x: Tensor, rng: Rng, to: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Returns F(x) for rows that go to B and G(x) for those that go to A, shape (B, *).

        Args:
            x: observations of either domain, shape (B, *).
            rng: not used: the networks draw nothing.
            to: number of the domain of each row, shape (B,).
            c: not used.
        """
        assert to is not None
        h, rest = self.view(x, self.dtype)
        goal = to.view(-1, *[1] * (h.dim() - 1))
        if bool((to == to[:1]).all()):
            return self.view.back(self.led(h, int(to[0])) if len(to) else h, rest)
        return self.view.back(torch.where(goal == 1, self.led(h, 1), self.led(h, 0)), rest)


def _check_weights(adversarial: float, cycle: float, identity: float) -> None:
    """Raises ValueError unless the weights are numbers from 0, and the game or the cycle has one above."""
    given = {"adversarial": adversarial, "cycle": cycle, "identity": identity}
    wrong = next((name for name, value in given.items() if not 0 <= value < float("inf")), None)
    if wrong is not None:
        usual = build_with(**{wrong: {"adversarial": 1.0, "cycle": 10.0, "identity": 5.0}[wrong]})
        raise Refusal(f"{wrong} is {given[wrong]}, but a weight is a number from 0: use {usual}.", usual)
    if not adversarial:
        way = build_with(adversarial=1.0)
        raise Refusal(
            f"adversarial is 0, and without the game both translators would learn to copy: use {way}.", way
        )
