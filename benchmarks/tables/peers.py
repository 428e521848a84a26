"""Models for comparison with their defaults: independent columns, SDV's Gaussian copula, CTGAN, TVAE.

Each is a function of a case. Their packages are imported inside it, so that naming them needs no package.

Reference: Patki, Wedge and Veeramachaneni, The synthetic data vault, 2016; Xu, Skoularidou, Cuesta-Infante
and Veeramachaneni, Modeling tabular data using conditional GAN, 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.tables.drawn import Drawn, restored
from benchmarks.tables.sets import Case


def held_out(case: Case) -> Drawn:
    """Returns the held-out rows as samples: the result of a perfect model, with a quarter of the rows."""
    return Drawn(case.held_out)


def independent(case: Case) -> Drawn:
    """Draws each column independently from its training values."""
    r = np.random.default_rng(case.seed)
    columns = {name: r.choice(case.train[name].to_numpy(), len(case.train)) for name in case.train}

    def fill(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
        r = np.random.default_rng(seed)
        draws = {name: r.choice(case.train[name].to_numpy(), len(rows)) for name in case.train}
        return rows.where(rows.notna(), pd.DataFrame(draws, index=rows.index))

    return Drawn(pd.DataFrame(columns), fill)


def copula(case: Case) -> Drawn:
    """Trains SDV's Gaussian copula, and draws from it."""
    from sdv.metadata import Metadata
    from sdv.single_table import GaussianCopulaSynthesizer

    np.random.seed(case.seed)
    model = GaussianCopulaSynthesizer(Metadata.load_from_dict(metadata(case)))
    model.fit({TABLE: case.train})
    drawn = model.sample(len(case.train))
    return Drawn(restored(drawn[TABLE] if isinstance(drawn, dict) else drawn, case.train))


def ctgan(case: Case) -> Drawn:
    """Trains CTGAN, and draws from it."""
    from ctgan import CTGAN

    return _of_ctgan(CTGAN, case)


def tvae(case: Case) -> Drawn:
    """Trains TVAE, and draws from it."""
    from ctgan import TVAE

    return _of_ctgan(TVAE, case)


PEERS = {
    "held-out": held_out,
    "independent": independent,
    "copula": copula,
    "ctgan": ctgan,
    "tvae": tvae,
}
PACKAGES = {"copula": ("sdv", "copulas"), "ctgan": ("ctgan",), "tvae": ("ctgan",)}
TABLE = "table"


def _of_ctgan(kind: Any, case: Case) -> Drawn:
    torch.manual_seed(case.seed)
    np.random.seed(case.seed)
    model = kind(enable_gpu=False)
    model.fit(case.train, discrete_columns=list(case.source.classes))
    return Drawn(restored(model.sample(len(case.train)), case.train))


def metadata(case: Case) -> dict[str, Any]:
    """Returns the columns in the format of SDV."""
    kinds = {
        name: {"sdtype": "categorical" if name in case.source.classes else "numerical"} for name in case.train
    }
    return {"tables": {TABLE: {"columns": kinds}}}
