"""The post-filter: its losses by hand, the residual, and a toy whose modulation spectrum comes back."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.numerics.spectra import over_smoothed
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.pairs.signals import modulation_distance
from simulacra.nets.speech.texture import TextureGenerator

F, N = 6, 20
IMAGE = Real((1, F, N))


def post_filter(**options) -> simulacra.PostFilter:
    """A small one."""
    torch.manual_seed(2)
    return simulacra.PostFilter(
        IMAGE, IMAGE, **{"channels": 6, "layers": 1, "kernel": 3, "patch": 16, **options}
    )


def spectra(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with slow curves and a fast texture, and their running means over nine frames."""
    rng = Rng(seed, "spectra", rows=range(n))
    slow = over_smoothed(rng.normal("slow", 1, F, N), 9)
    x = 2 * slow + 0.5 * rng.normal("texture", 1, F, N)
    return x, over_smoothed(x, 9)


@pytest.mark.system("G25")
def test_the_answer_is_its_condition_and_a_residual(float64):
    G = TextureGenerator((2, 5, 7), channels=3, layers=2, kernel=3, latent=2)
    z, c = torch.randn(4, G.noise, requires_grad=True), torch.randn(4, 2, 5, 7, requires_grad=True)
    torch.testing.assert_close(G(z, c), c + G.residual(z, c))
    G(z, c).square().sum().backward()
    assert all(float(t.grad.abs().max()) > 0 for t in (z, c, *G.parameters()))
    with torch.no_grad():
        G.last.weight.zero_()
        torch.testing.assert_close(G(z, c), c + G.last.bias.view(-1, 1, 1))
    # it is a convolution: larger images have the same answers inside
    G, smaller = (
        TextureGenerator((1, *sides), channels=3, layers=2, kernel=3) for sides in ((11, 13), (9, 10))
    )
    smaller.load_state_dict(G.state_dict())
    z, c = torch.randn(1, 1, 11, 13), torch.randn(1, 1, 11, 13)
    whole, part = G(z.flatten(1), c), smaller(z[..., 2:, 3:].flatten(1), c[..., 2:, 3:])
    torch.testing.assert_close(part[..., 3:, 3:], whole[..., 5:, 6:])


@pytest.mark.system("G25")
def test_both_losses_are_those_of_the_equations(float64):
    x, c = (t.double() for t in spectra(6, 0))
    model, rng = post_filter(l1=3.0), Rng(4, rows=range(6))
    batch = Batch.of(x, c)
    D, G = (update.loss(model, batch, rng) for update in model.updates())
    fake = model.G(rng.normal("z", model.latent), c)
    s = lambda h: model.D(h, c).score
    assert s(x).dim() > 1  # a score for each patch
    rows = lambda t: t.flatten(1).mean(1)
    up, down = torch.nn.functional.softplus(-s(x)), torch.nn.functional.softplus(s(fake))
    torch.testing.assert_close(sum(D.loss.values()), rows(up) + rows(down))
    torch.testing.assert_close(G.loss["l1"], 3 * rows((fake - x).abs()))
    torch.testing.assert_close(
        sum(G.loss.values()), rows(torch.nn.functional.softplus(-s(fake))) + G.loss["l1"]
    )
    torch.testing.assert_close(model.draw(rng, c), fake)


@pytest.mark.system("G25")
def test_the_game_brings_the_modulation_spectrum_back_and_the_distance_alone_does_not(tmp_path):
    x, c = spectra(300, 0)
    data = from_tensors(x, IMAGE, c=c, condition=simulacra.Preprocessing(IMAGE), valid=0.0, test=0.0)
    x, c = spectra(150, 7)
    frames = lambda t: t.squeeze(1).transpose(1, 2)
    apart = lambda t: float(modulation_distance(frames(t), frames(x)))
    found = {"c": apart(c), "truth": apart(spectra(150, 8)[0])}
    for name, adversarial in (("distance", 0.0), ("game", 1.0)):
        model = post_filter(adversarial=adversarial, lr=5e-3)
        fit(model, data, out=tmp_path / name, epochs=10, batch_size=30, progress=False, doctor=False)
        found[name] = apart(model.sample(150, c))
    assert found["truth"] < 1.5  # another sample of the truth
    assert found["game"] < 0.5 * min(found["c"], found["distance"]), found


def test_what_is_no_pair_of_spectra_is_refused():
    for space, condition in (
        (IMAGE, None),
        (Levels((1, F, N), 256), Levels((1, F, N), 256)),
        (IMAGE, Real((1, F, N + 1))),
        (Real((F, N)), Real((F, N))),
    ):
        with pytest.raises(ValueError, match=r"post-filter adds texture to images of real numbers.*\.$"):
            simulacra.PostFilter(space, condition)
    for options in ({"layers": 0}, {"kernel": 4}, {"l1": -1.0}):
        with pytest.raises(ValueError, match=r"use \w+=[\d.]+\.$"):
            post_filter(**options)
