"""Convolutions along waves: lengths and channels of the paper, links, noise, and places."""

from __future__ import annotations

import pytest
import torch

from simulacra.nets.adversarial.virtual import Virtual
from simulacra.nets.speech.halving import half_kernel, halvings_of, widths
from simulacra.nets.speech.waves import WaveCritic, WaveGenerator

# figure 2 and section 4.2 of the paper: samples x channels after each layer
CHANNELS = (16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 1024)
PAPER = [f"{8192 >> i}x{c}" for i, c in enumerate(CHANNELS)]


def outputs(layers, run) -> list[str]:
    """Length x channels of the output of each layer, in the order of their calls."""
    seen = []
    hooks = [
        m.register_forward_hook(lambda m, x, y: seen.append(f"{y.shape[2]}x{y.shape[1]}")) for m in layers
    ]
    run()
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.system("G23")
def test_the_layers_have_the_sizes_of_the_paper():
    n = halvings_of(16384)
    with torch.device("meta"):
        G, D = WaveGenerator(16384, n), WaveCritic(16384, n, normalization="virtual", reference=3)
        D = Virtual(D, 3, (16384,), 16384)
        z, c = torch.empty(2, G.noise), torch.empty(2, 16384)
        made = []
        assert outputs(G.down, lambda: made.append(G(z, c))) == PAPER
        assert outputs(G.up, lambda: G(z, c)) == [*reversed(PAPER[:-1]), "16384x1"]
        assert outputs([m for m in D.net.body if isinstance(m, torch.nn.Conv1d)], lambda: D(c, c)) == [
            *PAPER,
            "8x1",
        ]
    assert made[0].shape == (2, 16384) and G.noise == 8 * 1024 and D.width == 8
    # the decoder sees the encoder's last layer beside as much noise, then each layer beside its link
    assert [up.in_channels for up in G.up] == [2 * int(size.split("x")[1]) for size in reversed(PAPER)]


@pytest.mark.system("G23")
@pytest.mark.parametrize(("T", "n"), [(2, 1), (12, 1), (40, 2), (56, 3)])
def test_any_length_that_halves_comes_back(float64, T, n):
    G = WaveGenerator(T, n, channels=2, latent=3, kernel=7)
    assert G.noise == 3 * (T >> n)
    assert G(torch.randn(5, G.noise), torch.randn(5, T)).shape == (5, T)
    D = WaveCritic(T, n, 2, 7, "layer")
    assert D(torch.randn(5, T), torch.randn(5, T)).shape == (5, T >> n)


@pytest.mark.system("G23")
def test_links_noise_and_layers_all_reach_the_output(float64):
    G = WaveGenerator(24, 3, channels=2, latent=1, kernel=5)
    z, c = torch.randn(2, G.noise, requires_grad=True), torch.randn(2, 24, requires_grad=True)
    out = G(z, c)
    inputs = [z, c, *G.parameters()]
    assert all(float(g.abs().max()) > 0 for g in torch.autograd.grad(out.square().sum(), inputs))
    with torch.no_grad():
        # without the bottleneck the first link still carries the source
        G.up[-2].weight.zero_()
        G.up[-2].bias.zero_()
        assert float((G(z, c) - G(z, c.roll(1))).abs().max()) > 0
        torch.testing.assert_close(G(z, c), G(torch.randn_like(z), c))


@pytest.mark.system("G23")
def test_a_shift_by_a_whole_step_shifts_the_output_inside(float64):
    n, T, k = 2, 96, 5
    G = WaveGenerator(T, n, channels=2, latent=1, kernel=k)
    z, c = torch.randn(1, G.noise), torch.randn(1, T)
    once, shifted = G(z, c), G(z.roll(1), c.roll(2**n))
    # an output depends on entries at most (2^n - 1) (k // 2 + k // 2) away
    reach = 2 * (2**n - 1) * (k // 2) + 2**n
    torch.testing.assert_close(shifted[:, reach + 4 : -reach], once[:, reach : -reach - 4])
    assert not torch.allclose(G(z, c.roll(1))[:, reach + 4 : -reach], once[:, reach + 3 : -reach - 1])


def test_lengths_and_kernels_that_do_not_fit_are_refused():
    assert widths(3, 1) == [3] and widths(3, 4) == [3, 6, 6, 12]
    assert [halvings_of(T) for T in (2, 6, 10, 16, 48, 250)] == [1, 1, 1, 1, 2, 1]
    with pytest.raises(
        ValueError, match=r"201 samples cannot be halved: .*such as 128, with tile= or crop=\.$"
    ):
        halvings_of(201)
    with pytest.raises(ValueError, match=r"halved 1 to 2 times: use halvings=2\.$"):
        halvings_of(12, 3)
    with pytest.raises(ValueError, match=r"odd kernel: use kernel=5\.$"):
        half_kernel(4)
