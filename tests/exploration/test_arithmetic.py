"""The smile vector, on faces whose mouths are drawn and measured; sums of codes, on crosses."""

import pytest
import torch

import simulacra
from simulacra.core.spaces.plain import Real
from simulacra.exploration.latent.arithmetic import analogy, apply, attribute_vector, combined
from simulacra.exploration.latent.inversion import codes_of

SIDE = 20


def faces(curvature, shift, width):
    """Faces (B, 1, 20, 20): a head, two eyes, and a mouth y = c x^2 as a soft line."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE, dtype=torch.float64)] * 2, indexing="ij")
    soft = lambda distance, s: torch.exp(-0.5 * (distance / s) ** 2)
    x = x - shift.view(-1, 1, 1)
    head = 0.3 * torch.sigmoid(20 * (0.85 - (x**2 + y**2).sqrt()))
    eyes = sum(soft(((x - e) ** 2 + (y + 0.3) ** 2).sqrt(), 0.1) for e in (-0.35, 0.35))
    line = 0.45 - curvature.view(-1, 1, 1) * (x**2 - 0.08)
    inside = torch.sigmoid(20 * (width.view(-1, 1, 1) - x.abs()))
    return (head + eyes + inside * soft(y - line, 0.1)).unsqueeze(1)


def mouth_curvature(images):
    """c of the parabola through the bright pixels of the lower half, by weighted least squares."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE, dtype=torch.float64)] * 2, indexing="ij")
    weight = ((images[:, 0] - 0.45).clamp_min(0) * (y > 0.1)).flatten(1)
    centre = (weight * x.flatten()).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
    u = x.flatten() - centre
    basis = torch.stack([torch.ones_like(u), u, u**2], -1)
    normal = torch.einsum("bn,bni,bnj->bij", weight, basis, basis)
    right = torch.einsum("bn,bni,n->bi", weight, basis, y.flatten())
    return -torch.linalg.solve(normal, right)[:, 2]


def drawn(n, seed):
    generator = torch.Generator().manual_seed(seed)
    uniform = lambda low, high: low + (high - low) * torch.rand(n, generator=generator, dtype=torch.float64)
    curvature = uniform(-1.0, 1.0)
    return curvature, faces(curvature, uniform(-0.05, 0.05), uniform(0.4, 0.5))


def test_the_measure_reads_what_the_renderer_drew():
    curvature, x = drawn(200, 0)
    measured = mouth_curvature(x)
    assert float(torch.corrcoef(torch.stack([curvature, measured]))[0, 1]) > 0.98


@pytest.mark.system("E22")
def test_adding_the_smile_raises_the_measured_curvature_and_subtracting_lowers_it(tmp_path):
    curvature, x = drawn(600, 1)
    data = simulacra.from_tensors(x, Real((1, SIDE, SIDE)))
    model = simulacra.PCA(data.space, latent=12).double()
    model = simulacra.fit(model, data, out=tmp_path / "run").model
    v = attribute_vector(model, x[curvature > 0.3], x[curvature < -0.3])
    neutral, faces_ = drawn(300, 2)
    chosen = faces_[neutral.abs() < 0.3]
    measured = torch.stack([mouth_curvature(apply(model, chosen, v, s)) for s in (-0.5, 0.0, 0.5)])
    assert bool((measured[2] > measured[1]).all()) and bool((measured[1] > measured[0]).all())
    # by about half the distance between the groups
    gap = curvature[curvature > 0.3].mean() - curvature[curvature < -0.3].mean()
    step = (measured[2] - measured[0]).mean()
    assert 0.5 * gap < step < 1.5 * gap


@pytest.mark.system("E22")
def test_the_vector_is_the_difference_of_means_and_moves_codes_along_a_line():
    generator = torch.Generator().manual_seed(0)
    model = simulacra.PPCA(Real((5,)), latent=2).double()
    model.W.copy_(torch.randn(5, 2, generator=generator, dtype=torch.float64))
    x = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    v = attribute_vector(model, x[:10], x[10:])
    z = model.encode(x)
    torch.testing.assert_close(v, z[:10].mean(0) - z[10:].mean(0), rtol=1e-12, atol=1e-12)
    strengths = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    moved = apply(model, x, v, strengths)
    assert moved.shape == (30, 3, 5)
    expected = model.reconstruct(x).unsqueeze(1) + strengths.view(3, 1) * (v @ model.W.T)
    torch.testing.assert_close(moved, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(apply(model, x, v, 2.0), moved[:, 2], rtol=1e-12, atol=1e-12)


def test_bad_input():
    model = simulacra.PCA(Real((3,)), latent=2)
    with pytest.raises(ValueError, match="x_without is empty"):
        attribute_vector(model, torch.zeros(2, 3), torch.zeros(0, 3))
    with pytest.raises(ValueError, match="vector has shape"):
        apply(model, torch.zeros(2, 3), torch.zeros(3))


# ---- Radford's sums, where there is no encoder


CROSS = 7


def crosses(top, left, seed):
    """A bar across at the top or the bottom and one down at the left or the right: (B, 1, 7, 7)."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(*[torch.arange(CROSS, dtype=torch.float32)] * 2, indexing="ij")
    jitter = lambda: 0.6 * torch.rand(len(top), 1, 1, generator=generator)
    place = lambda first: torch.where(first.view(-1, 1, 1) > 0, 0.9 + jitter(), 4.5 + jitter())
    across, down = (torch.exp(-((t - place(first)) ** 2) / 0.6) for t, first in ((y, top), (x, left)))
    light = 0.7 + 0.3 * torch.rand(len(top), 1, 1, generator=generator)
    return (light * torch.maximum(across, down)).unsqueeze(1)


def places(images):
    """Whether the bars are at the top and at the left, shape (B, 2)."""
    half = lambda profile: profile[:, :3].amax(1) > profile[:, 4:].amax(1)
    return torch.stack([half(images[:, 0].mean(2)), half(images[:, 0].mean(1))], 1)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.system("G6")
def test_sums_of_codes_of_a_gan_have_the_attributes_of_the_sum(tmp_path):
    wanted = torch.randint(0, 2, (3000, 2), generator=torch.Generator().manual_seed(0))
    x = crosses(wanted[:, 0], wanted[:, 1], 1)
    assert torch.equal(places(x), wanted.bool())
    data = simulacra.from_tensors(x, Real((1, CROSS, CROSS)))
    torch.manual_seed(2)
    model = simulacra.GAN(data.space, latent=8, hidden=(64, 64))
    model = simulacra.fit(model, data, out=tmp_path / "run", epochs=20, seed=2).model
    trials, each = 11, 3
    kinds = {k: torch.tensor([k // 2, k % 2]) for k in range(4)}
    fresh = [crosses(*kind.expand(trials * each * 3, 2).T, 50 + k) for k, kind in kinds.items()]
    # all are looked for at once; kind, part of the sum, trial, row
    z = codes_of(model, torch.cat(fresh)).unflatten(0, (4, 3, trials, each))
    right = []
    for k, kind in kinds.items():
        a, b, c = z[k ^ 1, 0], z[k ^ 3, 1], z[k ^ 2, 2]
        made = model.decode(combined(a.mean(1), b.mean(1), c.mean(1)))
        right += (places(made) == kind.bool()).all(1).tolist()
    assert sum(right) > 0.8 * len(right)
    # the word for one sum does the same
    rows = fresh[1][:3], fresh[3][:3], fresh[2][:3]
    single = combined(*(codes_of(model, x).mean(0) for x in rows))
    torch.testing.assert_close(analogy(model, *rows), model.decode(single[None])[0], rtol=1e-3, atol=1e-3)


@pytest.mark.system("G6")
def test_a_sum_is_that_of_the_means_whatever_gives_the_codes():
    generator = torch.Generator().manual_seed(4)
    draw = lambda n: torch.randn(n, 6, generator=generator, dtype=torch.float64)
    encoder = simulacra.PPCA(Real((6,)), latent=2).double()
    encoder.W.copy_(draw(6)[:, :2])
    torch.manual_seed(4)
    implicit = simulacra.GAN(Real((6,)), latent=2, hidden=()).double()
    for model in (encoder, implicit):
        a, b, c = draw(3), draw(3), draw(5)
        means = [codes_of(model, x).mean(0) for x in (a, b, c)]
        expected = model.decode((means[0] - means[1] + means[2])[None])[0]
        torch.testing.assert_close(analogy(model, a, b, c), expected, rtol=1e-9, atol=1e-9)


def test_the_attribute_vector_of_a_model_without_an_encoder():
    torch.manual_seed(5)
    model = simulacra.GAN(Real((6,)), latent=2, hidden=()).double()
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    v = attribute_vector(model, x[:5], x[5:])
    z = codes_of(model, x[:5]).mean(0) - codes_of(model, x[5:]).mean(0)
    torch.testing.assert_close(v, z, rtol=1e-9, atol=1e-9)
    moved = apply(model, x, v, [0.0, 2.0])
    difference = (2 * v) @ model.G.body[-1].weight.detach().T
    torch.testing.assert_close(moved[:, 1] - moved[:, 0], difference.expand(8, 6), rtol=1e-9, atol=1e-9)
