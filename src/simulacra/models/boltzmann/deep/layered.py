"""The shared base of deep Boltzmann machines: layers of binary units, each connected to the next.

    E(x) = -sum_l b_l'(x_l - o_l) - sum_l (x_(l-1) - o_(l-1))' W_l (x_l - o_l)     (1)

with x_0 = v and x_l = h_l; the offsets o are zero, or the running means of the layers. A label y adds a
one-hot layer above the top: -d'y - (h_L - o_L)' U y. Odd layers are independent given the even ones and vice
versa, so that a Gibbs sweep has two blocks.

The posterior of h does not factorize. Its best factorized approximation q(h) = prod_l prod_j q(h_lj), with
means mu, maximizes

    E_q[-E(v, h)] + H(q) = log p(v) + log Z - KL(q || p(h | v))                    (2)
    mu_l = sigmoid(b_l + W_l'(mu_(l-1) - o_(l-1)) + W_(l+1) (mu_(l+1) - o_(l+1)))  (3)

Given the even layers, (3) on all odd ones maximizes (2) over them jointly, so alternating updates never lower
it. They start with one upward pass with doubled input, in place of the layer above that is not computed yet.
Missing entries of v are units of q like the hidden ones.

Reference: Salakhutdinov and Hinton 2009; Montavon and Mueller 2012 (offsets). Rows A10, A11.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import Encodes, HasBound, HasBoundEnergy, TakesMissing
from simulacra.core.numerics import moments
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.machine.units import Bernoulli, OneHot, Units

Known = dict[str, Tensor]  # for a partly given layer: True where it is given


class Layered(Machine, HasBound, HasBoundEnergy, Encodes, TakesMissing):
    """Abstract base with equations (1) to (3); subclasses choose how they learn.

    Args:
        space: a `Binary` space.
        condition: space of the labels, `Categorical`; None without labels.
        hidden: sizes of the hidden layers, bottom to top.
        mean_field_steps: mean field updates (3) of all layers.
        burn_in: Gibbs sweeps for a sample, starting from independent units.

    Raises:
        ValueError: if the space is not binary, or there are fewer than two hidden layers.
    """

    def __init__(
        self,
        space: Space,
        condition: Categorical | None,
        hidden: tuple[int, ...],
        mean_field_steps: int,
        burn_in: int,
    ):
        need_binary("a deep Boltzmann machine", space)
        check_layers("a deep Boltzmann machine", hidden)
        check_at_least(1, mean_field_steps=mean_field_steps, burn_in=burn_in)
        sizes = (space.dims, *hidden)
        self.names = ("v", *[f"h{i + 1}" for i in range(len(hidden))])
        self.top, self.mean_field_steps = len(hidden), mean_field_steps
        units: dict[str, Units] = {name: Bernoulli() for name in self.names}
        shapes: dict[str, tuple[int, ...]] = {name: (n,) for name, n in zip(self.names, sizes)}
        super().__init__(space, units, shapes, (self.names[1::2], self.names[::2]), condition, burn_in)
        self.W = nn.ParameterList(0.01 * torch.randn(a, b) for a, b in zip(sizes, hidden))
        self.b = nn.ParameterList(torch.zeros(n) for n in sizes)
        for name, n in zip(self.names, sizes):
            self.register_buffer(f"offset_{name}", torch.zeros(n))
        inferred = self.names
        if condition is not None:
            self.units["y"], inferred = OneHot(), (*self.names, "y")
            self.U = nn.Parameter(0.01 * torch.randn(hidden[-1], condition.classes))
            self.d = nn.Parameter(torch.zeros(condition.classes))
        self.turns = (inferred[1::2], inferred[::2])
        if not self.summable:
            self.remove(HasBound)

    # ---- energy and fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes E of (1) in nats, shape (B,); for the means of independent units, the expectation of E.

        Args:
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        layers = self.joined(layers, c)
        x = [self.away(layers, i) for i in range(len(self.names))]
        # (1)
        e = -torch.stack([a @ b for a, b in zip(x, self.b)]).sum(0)
        for below, w, above in zip(x, self.W, x[1:]):
            e = e - ((below @ w) * above).sum(1)
        if "y" in layers:
            e = e - layers["y"] @ self.d - ((x[-1] @ self.U) * layers["y"]).sum(1)
        return e

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns the field of the neighbouring layers on the layer `name`, with its bias, shape (B, units).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        layers = self.joined(layers, c)
        if name == "y":
            return self.d + self.away(layers, self.top) @ self.U
        i = self.names.index(name)
        field = self.b[i]
        if i > 0:
            field = field + self.away(layers, i - 1) @ self.W[i - 1]
        if i < self.top:
            field = field + self.away(layers, i + 1) @ self.W[i].T
        elif "y" in layers:
            field = field + layers["y"] @ self.U.T
        return field

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E with the odd layers at 0, shape (B,), and the fields on these.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        n, like = layers["v"].shape[0], layers["v"]
        whole = {**layers, **{name: like.new_zeros(n, *self.shapes[name]) for name in self.summed}}
        return self.energy(whole, c), {name: self.field(name, whole, c) for name in self.summed}

    def joined(self, layers: Layers, c: Tensor | None) -> Layers:
        """Returns the layers with the label's layer `y` added if c is given.

        Args:
            layers: values of the layers by name.
            c: labels, shape (B,), or None.
        """
        if c is None or self.condition is None:
            return layers
        return {**layers, "y": self.condition.features(c, self.dtype)}

    def offset(self, i: int) -> Tensor:
        """Returns the offset o of layer number i, shape (units,)."""
        return self.get_buffer(f"offset_{self.names[i]}")

    def away(self, layers: Layers, i: int) -> Tensor:
        """Returns x_i - o_i, shape (B, units).

        Args:
            layers: values of the layers by name.
            i: index of the layer; 0 is v.
        """
        return layers[self.names[i]] - self.offset(i)

    # ---- mean field

    def given(self, x: Tensor, c: Tensor | None = None) -> Layers:
        """Returns the layers that are given by an observation and its label.

        Args:
            x: observations, shape (B, *).
            c: labels, shape (B,), or None.
        """
        return self.joined({"v": self.visible(x)}, c)

    def mean_field(self, given: Layers, known: Known | None = None, steps: int | None = None) -> Layers:
        """Computes the means of q by (3), differentiable, with given layers at their values.

        Args:
            given: values of v, and of y if there is one, shape (B, units) each.
            known: for partly given layers, True at given entries, shape (B, units), or (B, 1) for y.
            steps: mean field updates of all layers; None takes `mean_field_steps`.
        """
        known = known or {}
        q = self.upwards(given, known)
        for _ in range(self.mean_field_steps if steps is None else steps):
            for turn in self.turns:
                q = self.updated(turn, q, given, known)
        return q

    def upwards(self, given: Layers, known: Known) -> Layers:
        """Initializes the means: unknown units from their bias, then upwards with doubled input.

        Args:
            given: values of v, and of y if there is one.
            known: for partly given layers, True at given entries.
        """
        q = dict(given)
        for name, there in known.items():
            bias = self.b[0] if name == "v" else self.d
            q[name] = torch.where(there, given[name], self.units[name].mean(bias))
        for i in range(1, len(self.names)):
            times = 1 if i == self.top else 2
            q[self.names[i]] = torch.sigmoid(self.b[i] + times * self.away(q, i - 1) @ self.W[i - 1])
        return q

    def updated(self, turn: tuple[str, ...], q: Layers, given: Layers, known: Known) -> Layers:
        """Returns q after the update (3) of some layers that are independent given the others.

        Args:
            turn: names of the layers to update.
            q: means of all layers.
            given: values of v, and of y if there is one.
            known: for partly given layers, True at given entries.
        """
        new = dict(q)
        for name in turn:
            if name in given and name not in known:
                continue
            # (3)
            mean = self.units[name].mean(self.field(name, q))
            new[name] = torch.where(known[name], given[name], mean) if name in known else mean
        return new

    def posterior_means(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Layers:
        """Returns the means of q given observations, by layer.

        Args:
            x: observations, shape (B, *).
            c: labels, shape (B,), or None.
            known: True where x is observed, shape (B, *); None for all.
        """
        there = None if known is None else {"v": known.reshape(len(x), -1)}
        return self.mean_field(self.given(x, c), there)

    def bound_energy(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Computes E_q[E] - H(q) in nats, an upper bound of -log sum_h exp(-E(x, h)), shape (B,).

        q is treated as constant in the gradient.

        Args:
            x: observations, shape (B, *).
            c: labels, shape (B,), or None.
            rng: not used.
            known: True where x is observed, shape (B, *); None for all.
        """
        with torch.no_grad():
            q = self.posterior_means(x, c, known)
        # (2); given entries have no entropy
        return self.energy(q) - torch.stack([entropy(q[name]) for name in self.names]).sum(0)

    # ---- capabilities

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Computes equation (2) minus the exact log Z, in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        return -to_float64(self.bound_energy(x, c, rng, known)) - self.log_z(c)

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns the means of the top layer, shape (B, units).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *); None for all.
        """
        return self.posterior_means(x, c, known)[self.names[-1]]


def entropy(mean: Tensor) -> Tensor:
    """Computes the entropy of independent binary units in nats, shape (B,)."""
    return -(torch.xlogy(mean, mean) + torch.xlogy(1 - mean, 1 - mean)).sum(1)


def biases_from_data(model: Layered, source: Source, rng: Rng) -> None:
    """Initializes the visible biases, and `base` for annealing, from the mean of the data.

    Args:
        model: the machine.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    mean = moments.mean(model, source, rng).to(model.base).clamp(0.01, 0.99)
    model.b[0].copy_(torch.logit(mean))
    model.base.copy_(model.b[0])


def check_layers(name: str, hidden: tuple[int, ...]) -> None:
    """Raises ValueError unless there are two or more hidden layers, each with at least one unit.

    Args:
        name: name of the model with its article, for the message.
        hidden: sizes of the hidden layers.
    """
    if len(hidden) < 2:
        raise ValueError(
            f"hidden is {tuple(hidden)}, but {name} has two or more hidden layers, such as (500, 500): take "
            "an RBM for one."
        )
    if min(hidden) < 1:
        raise ValueError(f"hidden is {tuple(hidden)}, but every layer of {name} has at least one unit.")
