"""Rules of a game: updates per player, optimizers, and the prior of the noise.

Reference: Goodfellow et al. 2014, algorithm 1; Radford et al. 2015; Chintala et al. 2016. Rows F2, F16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from simulacra.core.optimizers import SGD, Adam

Prior = Literal["normal", "uniform", "sphere"]
Output = Literal["tanh", "sigmoid"]
Optimizer = Literal["adam", "sgd"]


@dataclass(frozen=True)
class Play:
    """Rules of a game.

    Args:
        discriminator_steps: k, updates of D for each update of G.
        lr: learning rate of both players.
        discriminator_lr: learning rate of D; None takes `lr`.
        discriminator_optimizer: optimizer of D: `adam` or `sgd`.
        betas: Adam's betas; a low first one damps the rotation of the game (Radford et al. 2015).
        prior: distribution of z: `normal`, `uniform` in [-1, 1], or `sphere`: normal, scaled to the length
            sqrt(latent).
        output: last activation of G for bounded observations: `tanh` or `sigmoid`.

    Raises:
        ValueError: if an option is out of range.
    """

    discriminator_steps: int = 1
    lr: float = 1e-3
    discriminator_lr: float | None = None
    discriminator_optimizer: Optimizer = "adam"
    betas: tuple[float, float] = (0.5, 0.999)
    prior: Prior = "normal"
    output: Output = "tanh"

    def __post_init__(self) -> None:
        if self.discriminator_steps < 1:
            raise ValueError(f"discriminator_steps is {self.discriminator_steps}, but it must be at least 1.")
        choices = {"prior": Prior, "output": Output, "discriminator_optimizer": Optimizer}
        for name, kinds in choices.items():
            if getattr(self, name) not in get_args(kinds):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; choose from {', '.join(get_args(kinds))}."
                )

    def optimizers(self) -> tuple[Adam | SGD, Adam | SGD]:
        """Returns the optimizers of D and of G."""
        own = self.lr if self.discriminator_lr is None else self.discriminator_lr
        of_D = SGD(lr=own) if self.discriminator_optimizer == "sgd" else Adam(lr=own, betas=self.betas)
        return of_D, Adam(lr=self.lr, betas=self.betas)
