"""One kind of distribution for all entries: its numbers for x as a whole, and for a single entry."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulacra.core.composite import Fields, Sequence
from simulacra.core.mends import as_real
from simulacra.core.observation import Observation, observation_head
from simulacra.core.space import Space


@dataclass(frozen=True)
class Heads:
    """The same distribution twice.

    Args:
        whole: of all entries, from (B, P, *shape).
        entry: of one entry, from (B, P).
    """

    whole: Observation
    entry: Observation


def entry_heads(owner: str, space: Space, observation: str, mixtures: int) -> Heads:
    """The distribution `observation` of the entries of `space`.

    Args:
        owner: the model's name, for the refusal.
        observation: a name out of `space.observations`; `auto` takes the first.
        mixtures: components of a mixture.

    Raises:
        ValueError: if the entries are of several kinds, or the observation does not fit them.

    Example:
        >>> from simulacra.core.space import Levels
        >>> heads = entry_heads("MADE", Levels((3, 2), 7), "categorical", mixtures=5)
        >>> heads.whole.output, heads.entry.output
        ((7, 3, 2), (7,))
    """
    if isinstance(space, (Fields, Sequence)):
        raise ValueError(f"{owner} draws entries of one kind, but the space is {space}: {as_real(space)}.")
    whole = observation_head(space, observation, mixtures=mixtures)
    return Heads(whole, observation_head(replace(space, shape=()), whole.name, mixtures=mixtures))
