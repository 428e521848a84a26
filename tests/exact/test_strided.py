"""Strided and transposed convolutions: their sizes, and that one is the adjoint of the other."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch.nn import functional as F

from simulacra.nets.strides import convolved, left_over, padding, transposed

MODES = ("valid", "half", "full", "same")
SIDES, KERNELS, STRIDES = (7, 9, 10, 13), (1, 2, 3, 4, 5), (1, 2, 3)


def cases(mode: str) -> list[tuple[int, int, int, int]]:
    """(i, k, s, p) of a mode, without those that it does not have."""
    every = product(SIDES, KERNELS, STRIDES)
    has = [(i, k, s) for i, k, s in every if mode != "same" or (k >= s and (k - s) % 2 == 0)]
    return [(i, k, s, padding(mode, k, s)) for i, k, s in has]


@pytest.mark.system("G5")
@pytest.mark.parametrize("mode", MODES)
def test_sizes_are_those_of_torch(mode):
    for i, k, s, p in cases(mode):
        kernel = torch.ones(1, 1, k)
        o = convolved(i, k, s, p)
        assert o == F.conv1d(torch.ones(1, 1, i), kernel, stride=s, padding=p).shape[2]
        assert transposed(o, k, s, p) == s * (o - 1) + k - 2 * p
        up = F.conv_transpose1d(torch.ones(1, 1, o), kernel, stride=s, padding=p)
        assert transposed(o, k, s, p) == up.shape[2]
        # and back to the side that the convolution came from
        extra = left_over(i, k, s, p)
        back = F.conv_transpose1d(torch.ones(1, 1, o), kernel, stride=s, padding=p, output_padding=extra)
        assert transposed(o, k, s, p, extra) == back.shape[2] == i


@pytest.mark.system("G5")
def test_what_each_padding_keeps():
    for i, k in product(SIDES, KERNELS):
        assert convolved(i, k, p=padding("valid", k)) == i - k + 1
        assert convolved(i, k, p=padding("half", k)) == (i if k % 2 else i + 1)
        assert convolved(i, k, p=padding("full", k)) == i + k - 1
        if k % 2:
            assert padding("same", k) == padding("half", k)
    for s, more, times in product(STRIDES, (0, 1, 2), (3, 5)):
        k = s + 2 * more
        p = padding("same", k, s)
        assert convolved(s * times, k, s, p) == times and transposed(times, k, s, p) == s * times


@pytest.mark.system("G5")
@pytest.mark.parametrize(("k", "s"), [(3, 2), (1, 2), (2, 1)])
def test_half_a_zero_is_refused(k, s):
    with pytest.raises(ValueError) as refused:
        padding("same", k, s)
    assert str(refused.value) == (
        f"kernel is {k}, but padding 'same' with stride {s} needs {s}, {s + 2}, {s + 4} and so on."
    )


@pytest.mark.system("G5")
@pytest.mark.parametrize("mode", MODES)
def test_the_transposed_convolution_is_the_adjoint(float64, mode):
    for i, k, s, p in cases(mode):
        extra = left_over(i, k, s, p)
        weight = torch.randn(3, 2, k, k)  # from 2 channels to 3
        x = torch.randn(5, 2, i, i)
        down = F.conv2d(x, weight, stride=s, padding=p)
        y = torch.randn_like(down)
        up = F.conv_transpose2d(y, weight, stride=s, padding=p, output_padding=extra)
        assert up.shape == x.shape
        torch.testing.assert_close((down * y).sum(), (x * up).sum(), rtol=1e-11, atol=1e-10)


@pytest.mark.system("G5")
@pytest.mark.parametrize("mode", MODES)
def test_the_transposed_convolution_is_the_transposed_matrix(float64, mode):
    for i, k, s, p in cases(mode):
        kernel, o = torch.randn(1, 1, k), convolved(i, k, s, p)
        # the matrix in loops: output a sees input s a + b - p with weight b
        matrix = torch.zeros(o, i)
        for a, b in product(range(o), range(k)):
            place = s * a + b - p
            if 0 <= place < i:
                matrix[a, place] = kernel[0, 0, b]
        x, y = torch.randn(i), torch.randn(o)
        torch.testing.assert_close(F.conv1d(x[None, None], kernel, stride=s, padding=p)[0, 0], matrix @ x)
        extra = left_over(i, k, s, p)
        up = F.conv_transpose1d(y[None, None], kernel, stride=s, padding=p, output_padding=extra)[0, 0]
        torch.testing.assert_close(up, matrix.T @ y)
