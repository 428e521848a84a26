"""A condition goes in in every form that x may have, and a wrong one is refused in one sentence."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import simulacra
from simulacra import Audio, Binary, Categorical, Levels, Real, Table
from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.spaces.plain import Count
from simulacra.data.conditions import conditioning_of, given_conditions

pytestmark = pytest.mark.fault("wider.d1")

DRAW = np.random.default_rng(5)
COLOUR = DRAW.integers(0, 256, (3, 6, 5, 3), np.uint8)
GREY = DRAW.integers(0, 256, (3, 6, 5), np.uint8)
FRAME = pd.DataFrame({"sex": ["m", "f", "m"], "age": [10_001.0, 9_998.5, 10_000.25], "more": [1, 2, 3]})
RECORDS = FRAME.to_dict("records")
PCM = DRAW.integers(-(2**15), 2**15, (3, 40), np.int16)
PATIENT = Table(age=Real(), sex=Categorical((), 2, ("f", "m")))
FAR = 1e4 + DRAW.normal(size=(3, 2))
PLANES = torch.from_numpy(COLOUR).movedim(3, 1)

SPACES = {
    "colour": Levels((3, 6, 5), 256),
    "grey": Levels((1, 6, 5), 256),
    "table": PATIENT,
    "wave": Audio((40,), rate=8000),
    "vector": Real((2,)),
    "class": Categorical((), 3, ("ant", "bee", "cat")),
}
# three conditions in all forms; the first form is that of the space itself
THREE = {
    "colour": [PLANES, PLANES.numpy(), COLOUR, COLOUR.tolist(), [*map(Image.fromarray, COLOUR)]],
    "grey": [torch.from_numpy(GREY[:, None]), GREY, GREY[..., None], [*map(Image.fromarray, GREY)]],
    "table": [
        torch.tensor(FRAME.assign(sex=[1.0, 0.0, 1.0])[["age", "sex"]].to_numpy()),
        FRAME,
        RECORDS,
        {name: FRAME[name].tolist() for name in ("age", "sex")},
        FRAME[["age", "sex"]].to_numpy(),
        FRAME[["age", "sex"]].values.tolist(),
    ],
    "wave": [torch.from_numpy(PCM / 2.0**15).float(), PCM, PCM / 2.0**15, torch.from_numpy(PCM)],
    "vector": [torch.from_numpy(FAR), FAR, FAR.tolist(), FAR.astype(">f8"), pd.DataFrame(FAR)],
    "class": [torch.tensor([2, 0, 1]), ["cat", "ant", "bee"], np.array(["cat", "ant", "bee"]), [2, 0, 1]],
}
# the first of them alone
ONE = {
    "colour": [PLANES[0], COLOUR[0], Image.fromarray(COLOUR[0]), [Image.fromarray(COLOUR[0])], COLOUR[:1]],
    "grey": [GREY[0], GREY[0][None], GREY[0][..., None], Image.fromarray(GREY[0])],
    "table": [RECORDS[0], RECORDS[:1], FRAME[:1], FRAME.loc[0], {"sex": ["m"], "age": [10_001.0]}],
    "wave": [PCM[0], PCM[0] / 2.0**15, PCM[:1]],
    "vector": [FAR[0], FAR[0].tolist(), FAR[:1]],
    "class": [2, "cat", ["cat"], np.str_("cat"), torch.tensor(2)],
}
ONE["table"] += [[10_001.0, "m"], [[10_001.0, "m"]]]


def trained_on(name):
    """An untrained model with the preprocessing that data with these conditions have."""
    raw, rows = SPACES[name], condition_rows(SPACES[name], THREE[name][0], 3)
    chain = conditioning_of(raw, rows)
    model = simulacra.VAE(Real((3,)), condition=chain.space, latent=2, hidden=(4,))
    model.conditioning = chain
    return model


@pytest.mark.parametrize("name", SPACES)
def test_every_form_gives_the_same_answers(name):
    model, x = trained_on(name), torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    z = torch.zeros(3, 2)
    known = [True, False, True]
    asks = {
        "sample": lambda c: model.sample(3, c, seed=0),
        "log_prob": lambda c: model.log_prob(x, c, k=2).values,
        "encode": lambda c: model.encode(x, c),
        "decode": lambda c: model.decode(z, c),
        "reconstruct": lambda c: model.reconstruct(x, c),
        "complete": lambda c: model.complete(x, known, c, seed=0),
    }
    asks = {
        word: ask for word, ask in asks.items() if word != "complete" or model.supports(simulacra.Completes)
    }
    for forms in (THREE[name], ONE[name]):
        for word, ask in asks.items():
            first, *others = [ask(form) for form in forms]
            for form, other in zip(forms[1:], others):
                assert torch.equal(first, other), (word, type(form))


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("n", [2, 3, 50])
def test_one_condition_for_all_is_the_same_for_each(name, n):
    raw = SPACES[name]
    each = condition_rows(raw, ONE[name][0], n)
    first = condition_rows(raw, THREE[name][0], 3)[:1]
    assert len(each) == n and torch.equal(each.double(), first.double().expand_as(each))


BAD = [
    ("colour", GREY[0][:4], r"condition has shape .* needs \(B, 3, 6, 5\)"),
    ("colour", Image.new("RGB", (9, 9)), "9x9, but the model takes 5x6"),
    ("colour", "label.png", "'label.png' is a text, but .* give a Pillow image or an array of shape"),
    ("colour", COLOUR * 2.5, "needs whole numbers from 0 to 255"),
    ("colour", COLOUR[:2], "condition has 2 rows for 3 observations: give one for each, or one for all"),
    ("table", FRAME[["sex"]], "condition has no column 'age'"),
    ("table", FRAME.assign(sex="x"), "column 'sex' holds 'x', a class that was neither declared nor seen"),
    ("table", FRAME.assign(age=[1.0, np.nan, 2.0]), "lacks the value of the column 'age' in row 1"),
    ("table", FRAME[:2], "condition has 2 rows for 3"),
    ("table", FRAME[:0], "no conditions: condition has no rows"),
    ("wave", PCM[:, :7], r"needs \(B, 40\)"),
    ("wave", PCM.astype(float), "numbers from -1 to 1"),
    ("vector", [1.0, np.nan], "condition holds NaN or infinite values"),
    ("vector", [1.0, 2.0, 3.0], r"needs \(B, 2\)"),
    ("vector", Image.new("L", (2, 2)), "condition holds images, but the model was trained on Real"),
    ("vector", {"a": 1.0}, "condition"),
    ("vector", np.ma.masked_greater(FAR, 1e4), "condition lacks the value"),
    ("class", "cow", "'cow' is not a class; classes are ant, bee, cat"),
    ("class", 7, "7"),
    ("class", ["ant", "bee"], "condition has 2 rows for 3"),
    ("class", None, r"give condition=, a class \(ant, bee, cat\), by name or number"),
    ("vector", None, r"give condition=, an array of numbers of shape \(2,\)"),
    ("table", None, "give condition=, a data frame, a record or a mapping with the columns age, sex"),
    ("wave", None, "give condition=, an array of 40 samples from -1 to 1"),
]


@pytest.mark.parametrize(("name", "condition", "said"), BAD)
def test_a_wrong_condition_is_one_sentence(name, condition, said):
    with pytest.raises(ValueError, match=said) as raised:
        trained_on(name).sample(3, condition)
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")


GIVEN = [
    (FAR, Real((2,))),
    (FAR[:, 0], Real(())),
    (pd.Series(["b", "a", "b"]), Categorical((), 2, ("a", "b"))),
    ([True, False, True], Categorical((), 2, ("False", "True"))),
    (torch.tensor([0, 2, 1]), Categorical((), 3)),
    (torch.tensor([4, 9, 4]), Categorical((), 2, ("4", "9"))),
    (COLOUR, Levels((3, 6, 5), 256)),
    ([*map(Image.fromarray, GREY)], Levels((1, 6, 5), 256)),
    (GREY > 100, Binary((1, 6, 5))),
]


@pytest.mark.parametrize(("c", "space"), GIVEN)
def test_the_space_of_conditions_is_found_in_their_values(c, space):
    found = given_conditions(c, None, 3)
    assert found.space == space and len(found.rows) == 3


def test_a_table_of_conditions_has_its_columns_and_bad_ones_are_refused():
    found = given_conditions(FRAME, None, 3)
    assert found.space.names == ("sex", "age", "more")
    for bad, said in [
        (FRAME[:2], "c has 2 rows, but x has 3 rows"),
        (FRAME.assign(age=[1.5, None, 2.5]), "missing|lacks"),
        ("label.png", "every row needs a condition"),
        (3, "every row needs a condition"),
        ([1.0, float("nan"), 2.0], "c holds NaN"),
    ]:
        with pytest.raises(ValueError, match=said):
            given_conditions(bad, None, 3)


@pytest.mark.parametrize("space", [Real(()), Binary(()), Count(()), Levels((), 9)])
def test_a_single_number_is_a_condition_of_every_network(space):
    c = torch.tensor([1, 0, 1]) if space == Binary(()) else torch.tensor([1, 3, 5])
    x = torch.randn(3, 3)
    for build in (simulacra.VAE, simulacra.MADE, simulacra.GAN, simulacra.GaussianRBM, simulacra.Tabular):
        model = build(Real((3,)), condition=space)
        assert model.sample(3, c, seed=0).shape == (3, 3)
        if model.supports(simulacra.HasDensity) or model.supports(simulacra.HasBound):
            assert np.isfinite(model.score_samples(x, c, k=2)).all()
