"""Rates by part: closed forms, quadrature, the sum to the KL, and what doctor, report and picture show."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from contract.cases import named
from contract.harness import trained
from contract.sets import binary
from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.doctor.checks.codes import collapse, unused
from simulacra.evaluation.latents.rates import Rates, rate_rows, rates
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import RATES
from simulacra.evaluation.report import read_report
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.rates import rate_picture
from simulacra.models.variational.hierarchical import law

pytestmark = pytest.mark.fault("wider.i")


def chain(*latents: int, seed: int = 0) -> simulacra.HierarchicalVAE:
    """A chain of codes in float64 with weights large enough for rates of some nats."""
    torch.manual_seed(seed)
    model = simulacra.HierarchicalVAE(Real((2,)), latents=latents, hidden=(5,), between=(3,)).double()
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.6)
    return model.eval()


def rows(n: int, d: int = 2) -> torch.Tensor:
    """Random real rows."""
    return Rng(5, "rows", rows=range(n)).normal("x", d, dtype=torch.float64)


def test_the_rates_of_units_are_their_kl_and_sum_to_that_of_the_code(float64):
    torch.manual_seed(0)
    model = simulacra.VAE(Real((2,)), latent=3, hidden=(5,)).double()
    found = model.rates(rows(4), None, Rng(0, rows=range(4)))
    q = model.posterior(rows(4))
    s2 = torch.exp(2 * q.log_scale)
    torch.testing.assert_close(found, 0.5 * (q.loc**2 + s2 - 1 - s2.log()), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.sum(1), kl_to_standard_normal(q), rtol=1e-12, atol=1e-12)
    assert model.part_names == ("z_1", "z_2", "z_3")


@pytest.mark.system("E9")
def test_the_rates_of_layers_are_those_of_quadrature(float64):
    """Two codes of one number: the expectations of both terms by Gauss-Hermite rules in both."""
    model, x = chain(1, 1), rows(3)
    t, w = np.polynomial.hermite_e.hermegauss(60)
    t, w = torch.tensor(t), torch.tensor(w / w.sum())
    with torch.no_grad():
        q1 = model.posterior(x)
        z1 = q1.loc.unsqueeze(1) + torch.exp(q1.log_scale).unsqueeze(1) * t.view(1, -1, 1)
        q2 = law(model.up[0], z1)
        z2 = q2.loc.unsqueeze(2) + torch.exp(q2.log_scale).unsqueeze(2) * t.view(1, 1, -1, 1)
        p1 = law(model.down[0], z2)
        log_q = -0.5 * t**2 - q1.log_scale
        log_p = -0.5 * ((z1.unsqueeze(2) - p1.loc) / torch.exp(p1.log_scale)) ** 2 - p1.log_scale
        below = log_q.unsqueeze(2) - log_p.squeeze(-1)
        truth = torch.stack(
            [torch.einsum("bij,i,j->b", below, w, w), kl_to_standard_normal(q2) @ w],
            1,
        )
        n = 4000
        rng = Rng(0, rows=range(3 * n))
        found = model.rates(x.repeat_interleave(n, 0), None, rng).view(3, n, 2)
    error = found.std(1) / n**0.5
    assert bool(((found.mean(1) - truth).abs() < 4 * error + 1e-9).all()), (found.mean(1), truth)


def test_the_rates_of_layers_sum_to_the_ratio_in_the_weights(float64):
    model, x = chain(2, 3, 1), rows(5)
    n = 2000
    each = x.repeat_interleave(n, 0)
    with torch.no_grad():
        total = model.rates(each, None, Rng(0, rows=range(5 * n))).sum(1).view(5, n)
        ratio = -model.codes(each, None, Rng(1, rows=range(5 * n)), 4).log_ratio.mean(1).view(5, n)
    error = (total.var(1) / n + ratio.var(1) / n).sqrt()
    assert bool(((total.mean(1) - ratio.mean(1)).abs() < 4 * error).all())


@pytest.mark.parametrize("n", [2, 3])
def test_the_rates_of_a_row_do_not_depend_on_the_batch(float64, n):
    model, x = chain(3, 2), rows(50)
    with torch.no_grad():
        whole = model.rates(x, None, Rng(0, rows=range(50)))
        some = model.rates(x[:n], None, Rng(0, rows=range(n)))
    torch.testing.assert_close(some, whole[:n], rtol=1e-12, atol=1e-12)


# ---- what they are shown by


def found(*means: float, error: float = 0.01) -> Rates:
    """Rates with these means."""
    names = tuple(f"h_{i + 1}" for i in range(len(means)))
    return Rates(names, means, (error,) * len(means), sum(means), error, 100)


@pytest.mark.parametrize(
    "rates, severities",
    [
        (found(0.02, 0.01), ("warning", None)),
        (found(3.0, 0.02), ("ok", "note")),
        (found(3.0, 2.0), ("ok", "ok")),
        # too noisy to be called idle
        (found(3.0, 0.02, error=0.05), ("ok", "unknown")),
        (found(3.0), ("ok", None)),
    ],
)
def test_the_doctor_reads_the_rates_of_a_code_that_is_no_gaussian(rates, severities):
    evidence = Evidence.of({RATES: rates})
    said = [check(evidence) for check in (collapse, unused)]
    assert tuple(finding and finding.severity for finding in said) == severities
    if severities[1] == "note":
        assert "1 of 2 parts of the code (h_2)" in said[1].sentence


def test_a_line_names_few_parts_and_counts_many():
    assert rate_rows(found(1.5, 0.25)) == [("rates", "h_1 1.50, h_2 0.25 nats")]
    many = found(*[0.0] * 7, 3.0, 2.0, 1.0)
    assert rate_rows(many) == [("rates", "largest h_8 3.00, h_9 2.00, h_10 1.00 nats; 7 of 10 below 0.1")]


def test_a_report_keeps_the_rates_of_layers_and_the_doctor_judges_them(tmp_path):
    case = named("hierarchical-vae")
    model, data = trained(case), case.data()
    report = simulacra.evaluate(model, data, k=2, limit=40)
    direct = rates(model, data.test, 0, 40)
    assert report.rates == direct and direct.names == ("z_1", "z_2")
    assert any(finding.name == "posterior collapse" for finding in report.findings)
    report.write(tmp_path)
    assert read_report(tmp_path).rates == direct


def test_a_collapsed_chain_is_called_so():
    data = binary(3)
    model = simulacra.HierarchicalVAE(data.space, latents=(2, 1), hidden=(3,), between=(3,))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.startswith(("encoder", "up", "down")):
                p.zero_()
    seen = rates(model, data.test)
    assert seen.means == (0.0, 0.0) and seen.idle == ("z_1", "z_2")
    said = collapse(Evidence.of({RATES: seen}))
    assert said.severity == "warning" and "ignores the code" in said.meaning


def test_the_picture_has_a_bar_for_each_part():
    case = named("hierarchical-vae")
    picture = rate_picture(Album(trained(case), case.data(), 0, ()))
    [panel] = picture.panels
    assert panel.marks[0].heights.shape == (2,) and panel.x.labels == ("z_1", "z_2")
