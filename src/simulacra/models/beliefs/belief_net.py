"""The belief net with a choice of layers and of the estimator of its gradient.

    p(x, h) = p(x|h_1) p(h_1|h_2) ... p(h_L),   p(h_i = 1 | h_(i+1)) = sg(b + U h_(i+1))          (1)

The estimators are in files of their own: `estimators.wake_sleep`, `reinforce` and `straight`.

Reference: Neal 1992; Hinton et al. 1995; Mnih and Gregor 2014; Bornschein and Bengio 2015. Rows B1, B4 to
B6, B8 to B10.
"""

from __future__ import annotations

import math

from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.beliefs.estimators.choice import (
    Estimator,
    Phi,
    baseline_for,
    check_estimator,
    updates_of,
)
from simulacra.models.beliefs.stacks.layers import Kind
from simulacra.models.beliefs.stacks.weighted import WeightedNet


class BeliefNet(WeightedNet):
    """Sigmoid belief net of any depth with a recognition net.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the layers h_1 (next to x) to h_L.
        estimator: `rws` (reweighted wake-sleep), `wake-sleep`, `nvil`, `score-function` (with a
            running mean as baseline), `leave-one-out` or `straight-through` (biased).
        k: draws of h for each row and step.
        phi: phases of `rws` that train q: `wake`, `sleep` or `both`.
        layers: kind of the layers of p above x: `sbn` (independent units), `darn` or `nade`.
        recognition: kind of the layers of q.
        visible: kind of the layer of x: `sbn` takes the space's distribution with independent entries; `darn`
            and `nade` are for binary spaces without missing entries.

    Raises:
        ValueError: if an option is unknown, or options do not fit each other or the space.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> BeliefNet(Binary((6,)), hidden=(5, 3)).sample(4).shape
        torch.Size([4, 6])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (200,),
        estimator: Estimator = "rws",
        k: int = 5,
        phi: Phi = "both",
        layers: Kind = "sbn",
        recognition: Kind = "sbn",
        visible: Kind = "sbn",
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition, hidden, layers, recognition, visible)
        check_estimator(estimator, k, phi, recognition)
        self.estimator, self.k, self.phi = estimator, k, phi
        c = math.prod(condition.features_shape) if condition else 0
        self.baseline = baseline_for(estimator, math.prod(space.features_shape) + c)

    def updates(self) -> list[Update]:
        """Returns the updates of the estimator: two for `rws` and `wake-sleep`, one for the others."""
        return updates_of(self.estimator, self.k, self.phi)
