"""Columns that never change are named, and a density that narrows around them is told from a wide one."""

import math

import pytest
import torch

import simulacra
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real
from simulacra.data.dataset import Dataset, Split
from simulacra.data.sources.stream import StreamedSplit
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.likelihood.constant_columns import constant_columns, real_columns
from simulacra.evaluation.likelihood.relative import relative_scores
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import CONSTANT
from simulacra.evaluation.rows import subset


@pytest.fixture(scope="module")
def rows():
    """Columns 1 and 3 are constant, the others normal."""
    x = torch.randn(400, 5, generator=torch.Generator().manual_seed(7))
    x[:, 1], x[:, 3] = 0.25, -4.0
    return simulacra.from_tensors(x, Real((5,)))


def said(found):
    """Severity and sentence."""
    (finding,) = [f for f in diagnose(Evidence.of({CONSTANT: found})) if f.name == "unbounded density"]
    return finding.severity, finding.sentence


def widths(data, scale):
    """A VAE with a fixed standard deviation, whose mean is that of the data."""
    torch.manual_seed(0)
    model = simulacra.VAE(data.space, latent=2, hidden=(9,), scale=scale)
    last = [m for m in model.decoder.modules() if isinstance(m, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(data.train.x.mean(0))
    return model.eval()


@pytest.mark.system("I7")
def test_a_spike_is_measured_by_moving_the_column(rows):
    wide = constant_columns(widths(rows, 0.5), rows)
    assert wide.names == ("column 1", "column 3") and wide.of == 5
    assert wide.width == pytest.approx(0.5, rel=0.15)
    severity, sentence = said(wide)
    assert severity == "note" and "2 of 5 columns are constant (column 1, column 3)" in sentence
    narrow = constant_columns(widths(rows, 0.001), rows)
    assert narrow.width == pytest.approx(0.001, rel=0.15)
    severity, sentence = said(narrow)
    assert severity == "warning" and "leaving these columns out" in sentence


def test_data_without_constants(rows):
    x = torch.randn(50, 3)
    data = simulacra.from_tensors(x, Real((3,)))
    found = constant_columns(simulacra.PPCA(data.space, latent=1), data)
    assert found.names == () and found.width == math.inf and said(found)[0] == "ok"
    digits = simulacra.load_data("digits", binarize="dynamic")
    assert constant_columns(simulacra.VAE(digits.space, latent=2, hidden=(9,)), digits) is None
    dequantized = simulacra.load_data("digits", dequantize="uniform")
    assert constant_columns(simulacra.PPCA(dequantized.space, latent=2), dequantized) is None


def test_columns_of_a_table_go_by_their_names():
    space = Table(age=Real(), sex=Categorical((), 2), place=Real((2,)))
    assert list(real_columns(space)) == [(0, "age"), (2, "place[0]"), (3, "place[1]")]
    assert list(real_columns(Real((3, 2, 2))))[5] == (5, "pixel (0, 1)")


def test_an_energy_is_compared_without_its_log_z():
    data = simulacra.load_data("bars-and-stripes")
    torch.manual_seed(3)
    model = simulacra.RBM(data.space, hidden=5)
    found = relative_scores(model, data.test, limit=40)
    exact = model.log_prob(subset(data.test, 40).x).values
    assert torch.allclose(found - exact, (found - exact)[:1].expand(40), atol=1e-4)


def late(n=2600, where=2345):
    """Three columns, of which the last is constant and the one before it in the first rows."""
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(3))
    x[:, 1:] = 1.0
    x[where, 1] = 2.0
    return x


def test_a_column_that_changes_late_is_no_constant():
    data = simulacra.from_tensors(late(), Real((3,)), valid=0, test=0)
    for limit in (50, 2000):
        found = constant_columns(simulacra.PPCA(data.space, latent=1), data, limit=limit)
        assert found.names == ("column 2",)


class Rows:
    """Files of rows, one number of each in order."""

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def read(self, index):
        """The rows `index`."""
        return self.x[index]

    def digest(self):
        """Of no interest here."""
        return "rows"


def test_rows_on_disk_are_read_in_blocks():
    chain = Preprocessing(Real((3,)))
    data = Dataset("files", {"train": StreamedSplit(Rows(late()), chain)}, chain)
    model = simulacra.PPCA(data.space, latent=1)
    found = constant_columns(model, data)
    held = Dataset("memory", {"train": Split(late(), chain)}, chain)
    assert found.names == ("column 2",) and found.width == constant_columns(model, held).width


def test_columns_with_fewer_than_two_known_values_are_not_named():
    x = torch.randn(300, 4, generator=torch.Generator().manual_seed(4))
    known = torch.ones(300, 4, dtype=torch.bool)
    known[:, 0], known[1:, 1] = False, False
    x[:, 2], known[2:, 2] = 0.5, False
    data = simulacra.from_tensors(x.where(known, 0.0), Real((4,)), known=known, valid=0, test=0)
    assert constant_columns(simulacra.PPCA(data.space, latent=1), data).names == ("column 2",)
