"""Keywords that a function forwards are typed: each `TypedDict` says what its dataclass says."""

import ast
import dataclasses
import functools
import inspect
import operator
import sys
import typing

import pytest
import sources

sys.path.insert(0, str(sources.ROOT / "tools"))
import surface
from simulacra.core.model import SEED
from simulacra.data.keywords import ReaderKeywords
from simulacra.data.readers import READERS
from simulacra.evaluation.report import RECORDED, RecordOf, Report
from simulacra.models.autoregressive.ordered import EntryKeywords, Ordered
from simulacra.models.autoregressive.vectors.orderless import EnsembleKeywords, Orderless
from simulacra.models.catalog import CATALOG
from simulacra.models.variational.latent import LatentVariableModel
from simulacra.models.variational.network_keywords import NetworkKeywords
from simulacra.training.options import OptionKeywords, Options


def fields(kind: type) -> dict[str, object]:
    """The types of a dataclass's fields by name."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def test_the_keywords_of_fit_are_the_fields_of_options():
    assert typing.get_type_hints(OptionKeywords) == fields(Options)


def test_the_keywords_of_load_data_are_the_options_of_all_readers():
    found: dict[str, list] = {}
    for reader in READERS:
        for name, kind in fields(reader.options).items():
            found.setdefault(name, []).append(kind)
    # what may be anything in one reader may be anything
    united = {
        n: typing.Any if typing.Any in k else functools.reduce(operator.or_, k) for n, k in found.items()
    }
    assert typing.get_type_hints(ReaderKeywords) == united
    assert list(ReaderKeywords.__annotations__) == sorted(united)


BASES = {NetworkKeywords: LatentVariableModel, EntryKeywords: Ordered, EnsembleKeywords: Orderless}


@pytest.mark.parametrize("keywords", BASES, ids=lambda kind: kind.__name__)
def test_the_keywords_that_a_model_hands_on_are_those_of_its_base(keywords):
    hints = typing.get_type_hints(BASES[keywords].__init__)
    own = set(hints) - {"space", "condition", "latent", "return"}
    assert typing.get_type_hints(keywords) == {name: hints[name] for name in own}


def test_the_seed_of_a_model_is_an_argument_that_an_editor_sees():
    for entry in CATALOG.values():
        init = vars(entry.load())["__init__"]
        assert inspect.signature(init).parameters["seed"].default == SEED.default, entry.cls
        assert typing.get_type_hints(init)["seed"] is int, entry.cls


def test_a_report_has_an_attribute_of_the_type_of_each_record():
    records = {name: value for name, value in vars(Report).items() if isinstance(value, RecordOf)}
    found = {name: typing.get_args(value.__orig_class__)[0] for name, value in records.items()}
    assert found == {measure.name: measure.record for measure in RECORDED}


def untyped(module: str, name: str) -> list[str]:
    """The functions of a public name that forward keywords of any type."""
    _, node = surface.find(module, name)
    functions = [node] if isinstance(node, ast.FunctionDef) else [n for n in node.body if hasattr(n, "args")]
    rests = {f"{name}.{f.name}": f.args.kwarg for f in functions if f.args.kwarg is not None}
    kinds = {key: rest.annotation and ast.unparse(rest.annotation) for key, rest in rests.items()}
    return [key for key, kind in kinds.items() if kind in (None, "Any", "object")]


def test_only_pictures_take_keywords_of_any_type():
    names = {**surface.public_names(), **surface.RETURNED}
    found = {key for name, module in names.items() for key in untyped(module, name)}
    classes = {"Capability.__init_subclass__", "HasMarkovChain.__init_subclass__"}
    # each picture has options of its own, and checks them; `Batch.of` takes the fields of `Batch`, and
    # keywords of a class statement belong to its other bases
    assert found == {"plot.plot", "Run.plot", "Batch.of", *classes}


def test_models_are_narrowed_to_capabilities_and_not_cast():
    assert not [sources.name(path) for path in sources.FILES if "cast(can." in sources.text(path)]
    casts = sum(sources.text(path).count("cast(Any, ") for path in sources.FILES)
    assert casts <= 13, f"{casts} casts to Any: `can.able(model, can.HasEnergy)` has a type"
