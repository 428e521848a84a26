"""Consistency distillation against the closed form of Gaussian data, and its teachers. Row H21."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.diffusion.consistency import Consistency, distillation, learn_place
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.flow_matching import FlowMatching
from simulacra.models.diffusion.inversion import Diffusion
from simulacra.models.diffusion.teacher import denoised, load_teacher, moved

LOW, HIGH = 0.002, 80.0
V = 0.49  # variance of the data


class Velocity(nn.Module):
    """The network of flow matching with the optimum for data of N(0, V)."""

    def forward(self, h, u, c=None):
        wide = u**2 * V + (1 - u) ** 2
        return (((u * V - (1 - u)) / wide - (2 * u - 1) / ((1 - u) ** 2 + u**2)) * h).unsqueeze(1)


class Ends(nn.Module):
    """The network with which f is the closed form for data of N(0, V): sqrt((V + s_min^2) / (V + s^2)) y."""

    def forward(self, h, u, c=None):
        s = LOW * (HIGH / LOW) ** u
        wide = (1 + s**2).sqrt()
        due = torch.sqrt((V + LOW**2) / (V + s**2))
        return ((due - math.sqrt(1 + LOW**2) / wide) * wide**2 / (s - LOW).clamp_min(1e-9) * h).unsqueeze(1)


def teacher(d: int = 2) -> FlowMatching:
    model = FlowMatching(Real((d,)), hidden=(3,)).double()
    model.net = Velocity()
    return model.requires_grad_(False)


def student(levels: int = 40, d: int = 2) -> Consistency:
    """A student whose network is the closed form."""
    model = Consistency(Real((d,)), levels=levels, hidden=(3,)).double()
    model.noise.copy_(torch.tensor([LOW, HIGH]))
    model.net = Ends()
    model._teacher.append(teacher(d))
    return model


def test_teachers_denoise_alike(float64):
    """E[x_0 | y] = V / (V + s^2) y for data of N(0, V), and of DDPM with T = 1,000 for data of N(0, 1)."""
    y, s = torch.randn(5, 2), torch.tensor([0.01, 0.1, 1.0, 5.0, 60.0]).unsqueeze(1)
    torch.testing.assert_close(denoised(teacher(), y, s, None), V / (V + s**2) * y)

    class Noise(nn.Module):
        """E[e | x_t] for data of N(0, 1)."""

        def __init__(self, kernel):
            super().__init__()
            self.kernel = kernel

        def forward(self, h, u, c=None):
            return (self.kernel.level((u * self.kernel.T).round()).s * h).unsqueeze(1)

    other = DDPM(Real((2,)), T=1000, hidden=(3,)).double()
    other.net = Noise(other.kernel)
    # its noise is interpolated between the steps
    found = denoised(other, (1 + s**2).sqrt() * y, s, None)
    torch.testing.assert_close(found, y / (1 + s**2).sqrt(), rtol=0, atol=2e-2)


@pytest.mark.system("H21")
def test_the_end_is_held_where_there_is_no_noise(float64):
    model, y = Consistency(Real((3,)), hidden=(5,)).double(), torch.randn(4, 3)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 1)
    s = model.noise[:1].expand(4, 1)
    torch.testing.assert_close(model.end(y, s, None), y, rtol=0, atol=1e-12)
    # between, f depends on the network
    assert not torch.allclose(model.end(y, s + 1, None), y / math.sqrt(2), atol=0.1)


@pytest.mark.system("H21")
def test_the_closed_form_has_no_loss_but_that_of_the_steps(float64):
    """A step of Heun has an error of third order: the squared loss falls by 2^6 with twice the levels."""
    x = 0.7 * torch.randn(3000, 2)
    losses = []
    for levels in (20, 40):
        model = student(levels)
        losses.append(float(distillation(model, Batch.of(x), Rng(0, rows=range(3000))).loss["error"].mean()))
    assert losses[1] < 1e-5 and 4.5 < math.log2(losses[0] / losses[1]) < 7
    # another function has more
    wrong = student(40)
    wrong.net = nn.Module()
    wrong.net.forward = lambda h, u, c=None: torch.zeros_like(h).unsqueeze(1)
    assert float(distillation(wrong, Batch.of(x), Rng(0, rows=range(3000))).loss["error"].mean()) > 1e-4


@pytest.mark.system("H21")
def test_one_pass_ends_where_the_teacher_ends(float64):
    """The teacher takes 160 steps of Heun, whose error is far below the tolerance."""
    model, z = student(levels=160), torch.randn(6, 2)
    y, sizes = HIGH * z, model.size(torch.arange(160, -1, -1.0).unsqueeze(1)).flatten()
    for s, r in pairwise(sizes):
        one = torch.ones(6, 1)
        y = moved(model.teacher(), y, s * one, r * one, None, 1.0)
    torch.testing.assert_close(model.emit(z), y, rtol=0, atol=5e-3)


def test_draws_of_one_and_of_more_passes_have_the_law_of_the_data(float64):
    n, model = 20_000, student()
    for steps in (1, 2, 4):
        x = model.sample(n, seed=0, steps=steps)
        assert float(x.var()) == pytest.approx(V, rel=0.05) and abs(float(x.mean())) < 0.03
    whole = model.sample(50, seed=1, steps=3)
    for rows in (2, 3):
        torch.testing.assert_close(model.sample(rows, seed=1, steps=3), whole[:rows])


def test_a_student_reads_its_teacher_from_a_file_and_stands_alone(tmp_path):
    space = Levels((4,), 9)
    DDPM(space, T=20, hidden=(3,)).save(tmp_path / "teacher.safetensors")
    model = Consistency(space, teacher=str(tmp_path / "teacher.safetensors"), hidden=(5,))
    learn_place(model, None, Rng(0))
    assert model.location.tolist() == [4.0] * 4 and model.deviation.tolist() == [4.0] * 4
    assert 0 < float(model.noise[0]) < float(model.noise[1]) <= 80
    assert not any("teacher" in name for name in model.state_dict())
    drawn = model.sample(9, seed=0)
    assert bool(((drawn == drawn.round()) & (drawn >= 0) & (drawn <= 8)).all())
    model.save(tmp_path / "student.safetensors")
    (tmp_path / "teacher.safetensors").unlink()
    from simulacra import load

    assert torch.equal(load(tmp_path / "student.safetensors").sample(9, seed=0), drawn)


def test_what_distillation_refuses(tmp_path):
    with pytest.raises(ValueError, match=r"takes reals or levels, .* a VAE or MADE takes it"):
        Consistency(Binary((4,)))
    with pytest.raises(Refusal, match="at least two steps: take levels=18"):
        Consistency(Real((2,)), levels=1)
    with pytest.raises(ValueError, match="no condition: give guidance=1"):
        Consistency(Real((2,)), guidance=2.0)
    with pytest.raises(ValueError, match="give its run as teacher"):
        Consistency(Real((2,))).teacher()
    FlowMatching(Real((3,)), hidden=(3,)).save(tmp_path / "three.safetensors")
    with pytest.raises(ValueError, match=r"the space of the data is .* load the data as they were"):
        Consistency(Real((2,)), teacher=str(tmp_path / "three.safetensors")).teacher()
    FlowMatching(Real((2,)), Categorical((), 3), hidden=(3,), drop=0.0).save(tmp_path / "plain.safetensors")
    with pytest.raises(ValueError, match="always saw its condition: give guidance=1"):
        Consistency(
            Real((2,)), Categorical((), 3), teacher=str(tmp_path / "plain.safetensors"), guidance=2.0
        ).teacher()
    Diffusion(Binary((4,)), T=4, hidden=(3,)).save(tmp_path / "bits.safetensors")
    with pytest.raises(ValueError, match="is a diffusion of bits"):
        load_teacher(str(tmp_path / "bits.safetensors"))
    from simulacra import PPCA

    PPCA(Real((3,)), latent=1).save(tmp_path / "ppca.safetensors")
    with pytest.raises(ValueError, match="holds a PPCA, but a teacher is one of DDPM, Diffusion"):
        load_teacher(str(tmp_path / "ppca.safetensors"))
