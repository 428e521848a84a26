"""The gradient of the log-density with respect to the observation, for chains and checks."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from simulacra.core.capabilities.marker import Capability


class HasScore(Capability):
    """Knows the gradient of log p(x) in x, which statistics calls the score.

    It may be that of p(x) after Gaussian noise of standard deviation `noise` is added. The method is called
    `slope`, as a score of the library is a number for each row.
    """

    phrase = "has the gradient of its log-density"

    @abstractmethod
    def slope(self, x: Tensor, c: Tensor | None = None, noise: float | None = None) -> Tensor:
        """Returns the gradient of log p(x|c) in x, in nats per unit of x, shape (B, *).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            noise: standard deviation of the noise in x; None: the model's own.
        """
