"""Likelihood heads with the same distribution for all entries: for x as a whole, and for a single entry."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulacra.core.distributions.heads import LikelihoodHead, likelihood_head
from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens


@dataclass(frozen=True)
class Heads:
    """The same distribution as two likelihood heads.

    Args:
        whole: head of all entries, from parameters (B, P, *shape).
        entry: head of one entry, from parameters (B, P).
    """

    whole: LikelihoodHead
    entry: LikelihoodHead


def check_any_order(owner: str, space: Space) -> None:
    """Raises ValueError for texts, which end in one order only, in models of other orders.

    Args:
        owner: name of the model, for the message.
        space: space of one observation.
    """
    if isinstance(space, Tokens):
        raise ValueError(
            f"{owner} models entries in any order, but texts end in one only: take a NADE, a MADE or a "
            "WaveNet."
        )


def entry_heads(owner: str, space: Space, likelihood: str, mixtures: int) -> Heads:
    """Builds the heads of a distribution for the entries of a space.

    Args:
        owner: name of the model, for the message.
        space: space of one observation; all entries must be of one kind.
        likelihood: a name of `space.likelihoods`; `auto` takes the first.
        mixtures: number of components of a mixture likelihood.

    Raises:
        ValueError: if the entries are of several kinds, or the likelihood does not fit them.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> heads = entry_heads("MADE", Levels((3, 2), 7), "categorical", mixtures=5)
        >>> heads.whole.output, heads.entry.output
        ((7, 3, 2), (7,))
    """
    if isinstance(space, (Table, Sequence)):
        mend = as_real(space)
        raise Refusal(f"{owner} draws entries of one kind, but the space is {space}: {mend}.", mend)
    whole = likelihood_head(space, likelihood, mixtures=mixtures)
    return Heads(whole, likelihood_head(replace(space, shape=()), whole.name, mixtures=mixtures))
