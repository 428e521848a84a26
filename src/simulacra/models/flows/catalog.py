"""The flows in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "gaussian",
        "flows",
        "flows.gaussian",
        "GaussianModel",
        "Dempster, Laird and Rubin 1977",
        ("C7",),
        "a Gaussian with full covariance, in closed form: the baseline of every density",
        baseline=True,
    ),
    Entry(
        "real-nvp",
        "flows",
        "flows.real_nvp",
        "RealNVP",
        "Dinh, Sohl-Dickstein and Bengio 2017",
        ("C9",),
        "flow of affine coupling layers: exact density, exact codes, samples in one pass",
    ),
    Entry(
        "flow",
        "flows",
        "flows.flow",
        "Flow",
        "Papamakarios et al. 2021",
        ("C9",),
        "flow of vectors and tables by kind: couplings, autoregressive maps, splines, continuous",
    ),
)
