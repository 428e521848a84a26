"""The deep autoregressive network: a belief net whose hidden units read the units before them.

    p(h_t = 1 | h_<t) = sg(b_t + A_t h_<t)                                                        (1)

The order of the units is fixed and part of the model. The paper's gradient is that of a description
length; here reweighted wake-sleep trains the same net.

Reference: Gregor, Danihelka, Mnih, Blundell and Wierstra, Deep AutoRegressive Networks, 2014 (equations 2
to 5). Row H15.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.beliefs.estimators.choice import Phi, check_estimator, updates_of
from simulacra.models.beliefs.stacks.layers import Kind
from simulacra.models.beliefs.stacks.weighted import WeightedNet


class DARN(WeightedNet):
    """Deep autoregressive network, trained by reweighted wake-sleep.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the layers h_1 (next to x) to h_L.
        k: draws of h for each row and step.
        phi: phases that train q: `wake`, `sleep` or `both`.
        recognition: kind of the layers of q: `sbn`, `darn` or `nade`.
        visible: kind of the layer of x: `sbn` takes the space's distribution with independent entries; `darn`
            and `nade` are for binary spaces without missing entries.

    Raises:
        ValueError: if an option is unknown, or options do not fit each other or the space.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> DARN(Binary((6,)), hidden=(5,)).sample(4).shape
        torch.Size([4, 6])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (200,),
        k: int = 5,
        phi: Phi = "both",
        recognition: Kind = "sbn",
        visible: Kind = "sbn",
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition, hidden, "darn", recognition, visible)
        check_estimator("rws", k, phi, recognition)
        self.k, self.phi = k, phi

    def updates(self) -> list[Update]:
        """Returns the two updates of reweighted wake-sleep."""
        return updates_of("rws", self.k, self.phi)
