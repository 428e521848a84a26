"""The representatives have every feature of the catalogue between them."""

from __future__ import annotations

from contract.cases import CASES
from contract.declared import declared
from contract.representatives import cover, representatives
from simulacra.core.capabilities import general as can
from simulacra.models.catalog import CATALOG

# the library's, by which a test of the whole catalogue chooses
CAPABILITIES = [
    kind
    for kind in vars(can).values()
    if isinstance(kind, type) and issubclass(kind, can.Capability) and kind is not can.Capability
]
# no model of the library has it yet; tests/packages/mapping_models has it
MAPPINGS = {"can: Translates"}


def features_of(names) -> set[str]:
    """All that the cases have between them."""
    return set().union(*(declared(name).features for name in names))


def test_every_family_update_space_setting_and_capability_is_represented():
    chosen = features_of(representatives())
    assert chosen == features_of(case.name for case in CASES)
    assert chosen >= {f"family: {entry.family}" for entry in CATALOG.values()}
    assert chosen >= {f"can: {capability.__name__}" for capability in CAPABILITIES} - MAPPINGS


def test_every_shape_of_update_is_represented():
    shapes = lambda names: {stage for name in names for stage in declared(name).stages}
    assert shapes(representatives()) == shapes(case.name for case in CASES)


def test_every_representative_has_a_reason():
    """It adds a feature that none before it has, and they are few."""
    before = set()
    for name, reason in representatives().items():
        assert reason and not reason & before
        before |= declared(name).features
    assert len(representatives()) < len(CASES) / 3


def test_a_cover_takes_the_item_with_most_that_is_missing():
    features = {"a": {1}, "b": {1, 2, 3}, "c": {3, 4}, "d": {4}}
    found = cover({name: frozenset(values) for name, values in features.items()})
    assert found == {"b": {1, 2, 3}, "c": {4}}
