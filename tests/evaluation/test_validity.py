"""Validity of molecules and expressions by lists written by hand, and the measure of samples."""

from __future__ import annotations

import csv
import io
import math

import pytest
import torch

import simulacra
from simulacra import Model, Samples, Tokens
from simulacra.core.texts import validity as checks
from simulacra.core.texts.expressions import is_expression
from simulacra.core.texts.molecules import accepted_by_rdkit, flaw, is_molecule
from simulacra.core.texts.validity import register_validity, validity
from simulacra.data.catalog.formats import opened
from simulacra.evaluation.tasks.validity import validity_of, validity_rows

pytestmark = pytest.mark.system("E24")
VALID = (
    *("C", "CCO", "CC(=O)O", "C#N", "C1CC1", "c1ccccc1", "c1ccc2ccccc2c1", "OC(=O)c1ccccc1OC(C)=O"),
    *("C[C@H](N)C(=O)O", "[NH4+].[Cl-]", "O=[N+]([O-])c1ccccc1", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C%10CC%10"),
    *("CS(=O)(=O)N", "FC(F)(F)c1ccncc1", "C/C=C/C", "c1cc[nH]c1", "Cn1cccc1", "O=c1cc[nH]cc1", "[13CH4]"),
    *("N#Cc1ccsc1", "C1CC1C1CC1", "CC(C)(C)OC(=O)N1CCC(CC1)n1cncn1", "[O-][S+](C)C", "C1CC11CC1", "c1ccoc1"),
    *("CN(=O)=O", "O=N(=O)c1ccccc1", "C1.C1", "c1ccc(cc1)-c1ccccc1"),
)
INVALID = {
    "": "there is no atom",
    "C(": "a branch is open",
    "CC)C": "a branch closes that is not open",
    "C()C": "a branch ends without an atom",
    "(C)C": "a branch begins without an atom",
    "C1CC": "ring 1 is open",
    "C11": "atoms 1 and 1 have two bonds",
    "C12CC12": "atoms 1 and 3 have two bonds",
    "1CC1": "ring 1 has no atom before it",
    "C=": "a bond has no atom behind it",
    # a ring number that joins two parts makes no ring, and a chain between two rings lies in none
    "c1.c1": "c is aromatic, but lies in no ring",
    "CN(=O)(=O)C": "N has 6 bonds",
    "=C": "the bond = has no atom before it",
    "C==C": "the bond = has no atom before it",
    "C(=)C": "a branch ends without an atom",
    "C.": "there is no atom",
    "CX": "X is no atom",
    "[Qq]C": "[Qq] is no atom",
    "[NH4": "[ is no atom",
    "C=1CC#1": "ring 1 opens with = and closes with #",
    "C(C)(C)(C)(C)C": "C has 5 bonds",
    "C=C(=C)=C": "C has 6 bonds",
    "CO(C)C": "O has 3 bonds",
    "C#O": "O has 3 bonds",
    "FF(F)": "F has 2 bonds",
    "CN(C)(C)C": "N has 4 bonds",
    "cC": "c is aromatic, but lies in no ring",
    "c1ccccc1-c": "c is aromatic, but lies in no ring",
    "C1CC1cC1CC1": "c is aromatic, but lies in no ring",
    "c1cc(C)(C)ccc1": "c has 4 bonds",
}


@pytest.mark.parametrize("text", VALID)
def test_molecules_are_accepted(text):
    assert flaw(text) == ""


@pytest.mark.parametrize("text", INVALID)
def test_flaws_are_named(text):
    assert flaw(text) == INVALID[text]
    assert not is_molecule(text)


def test_rdkit_agrees():
    pytest.importorskip("rdkit")
    assert all(map(accepted_by_rdkit, VALID))
    wrong = ("", "C(", "CC)C", "C1CC", "C=", "CX", "C(C)(C)(C)(C)C", "C=C(=C)=C", "CO(C)C", "C#O", "cC")
    assert set(wrong) < set(INVALID) and not any(map(accepted_by_rdkit, wrong))


@pytest.mark.parametrize("every", [1])
def test_molecules_of_zinc_are_valid(real_data, every):
    folder = real_data("zinc")
    texts = []
    for path in sorted(folder.glob("*.csv*")):
        with opened(path) as file:
            texts += [row["smiles"] for row in csv.DictReader(io.TextIOWrapper(file, "utf-8"))]
    assert len(texts) == 29_445
    assert [text for text in texts[::every] if not is_molecule(text)] == []


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("x", True),
        ("sin ( x * 2 ) / 3 + exp ( x )", True),
        ("( ( x ) )", True),
        ("x +", False),
        ("x - 1", False),
        ("y", False),
        ("cos ( x )", False),
        ("sin ( x , x )", False),
        ("4", False),
        ("1.0", False),
        ("True", False),
        ("", False),
        ("(" * 500, False),
        ("x\0", False),
    ],
)
def test_expressions(text, valid):
    assert is_expression(text) is valid


class Repeats(Model, Samples):
    """Draws the same texts in turn.

    Args:
        space: space of texts.
        texts: the texts.
    """

    def __init__(self, space, texts: tuple[str, ...] = ()):
        super().__init__(space)
        self.texts = texts

    def draw(self, rng, c=None):
        """The texts in turn, shape (B, T)."""
        return self.space.rows([self.texts[i % len(self.texts)] for i in rng.rows])


def molecules(unit: str = "smiles") -> simulacra.Dataset:
    space = Tokens((4,), 6, ("<end>", *"CO()1"), unit=unit)
    x = space.rows(["CCO", "CO", "C", "COC"] * 20)
    return simulacra.from_tensors(x, space, "molecules")


def test_shares_of_samples_by_hand():
    data = molecules()
    drawn = data.space.rows(["CCO", "CC", "CC", "C(", "OO", "C1", "C", "CC)C"])
    found = validity_of(data, "test", drawn)
    # valid: CCO, CC, CC, OO, C; different: 4 of 5; new: CC and OO of 4
    assert (found.valid.value, found.distinct, found.new, found.held_out) == (5 / 8, 4 / 5, 2 / 4, 1.0)
    assert found.samples == 8 and "of 8 samples; of held-out rows 100.0%" in validity_rows(found)[0][1]
    none = validity_of(data, "test", data.space.rows(["C(", "1"]))
    assert none.valid.value == 0 and math.isnan(none.new) and "different" not in validity_rows(none)[0][1]


def test_the_report_and_the_comparison_say_it():
    data = molecules()
    model = Repeats(data.space, ("CCO", "C(", "CC", "C)"))
    report = simulacra.evaluate(model, data)
    assert report.validity.valid.value == pytest.approx(0.5, abs=0.01)
    assert "valid texts" in dict(report.rows())
    text = str(simulacra.compare(a=report, b=report))
    assert "valid" in text and "held-out rows" in text


def test_a_check_of_your_own_belongs_to_the_name_of_the_data():
    data = molecules("characters")
    assert validity("molecules", "characters") is None
    assert simulacra.evaluate(Repeats(data.space, ("C",)), data).validity is None
    register_validity("molecules", lambda text: text.startswith("C"), "a first C")
    try:
        found = validity_of(data, "test", data.space.rows(["CO", "OC"]))
    finally:
        checks._OWN.clear()
    assert found.valid.value == 0.5 and found.check == "a first C"
    assert validity_of(simulacra.load_data("ring"), "test", torch.zeros(3, 2)) is None
