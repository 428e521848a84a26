"""Public tables of mixed columns, with 455 to 2,400 training rows.

Settings are chosen on the tables marked `chosen` and reported on those marked `reported`; the halves were
fixed before any result. Smaller tables of scikit-learn and UCI (iris, diabetes, housing, parkinsons,
ionosphere) are left out: the noise of their measures is as large as the differences between models.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

UCI = (
    Path(os.environ.get("SIMULACRA_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data") / "uci"
)
TRAINING = 0.8  # share of the rows for training; the others are held out


class NotHere(Exception):
    """Raised if the package or the file of a table is missing on this machine."""


@dataclass(frozen=True)
class Source:
    """A table, and how it is loaded.

    Args:
        name: the name on the command line.
        half: `chosen` if settings may be chosen on it, otherwise `reported`.
        load: returns all rows.
        target: the target column of the usefulness.
        classes: names of the columns that are classes, whether text or numbers.
        about: its origin, in one line.
    """

    name: str
    half: str
    load: Callable[[], pd.DataFrame]
    target: str
    classes: tuple[str, ...]
    about: str


@dataclass(frozen=True)
class Case:
    """One table, split by one seed.

    Args:
        source: the table.
        train: training rows.
        held_out: rows that no model sees.
        seed: seed of the split and of the models.
    """

    source: Source
    train: pd.DataFrame
    held_out: pd.DataFrame
    seed: int


def case(source: Source, seed: int) -> Case:
    """Loads and splits a table.

    Args:
        source: the table.
        seed: seed of the split.

    Raises:
        NotHere: if its package or file is missing.
    """
    return Case(source, *split(source.load(), seed), seed)


def split(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns training and held-out rows: four fifths and a fifth of a permutation."""
    order = np.random.default_rng(seed).permutation(len(frame))
    cut = int(TRAINING * len(frame))
    train, held_out = (frame.iloc[rows].reset_index(drop=True) for rows in (order[:cut], order[cut:]))
    return train, held_out


def some(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Returns `rows` rows of a longer table, always the same.

    Args:
        frame: the whole table.
        rows: number of rows that are kept.
    """
    return frame.iloc[np.random.default_rng(0).permutation(len(frame))[:rows]].reset_index(drop=True)


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    """Converts columns of whole numbers to integers, which packages often ship as floats."""
    integers = [c for c in frame if frame[c].dtype.kind == "f" and (frame[c] == frame[c].round()).all()]
    return frame.astype(dict.fromkeys(integers, int))


def statsmodels_file(*parts: str) -> pd.DataFrame:
    """Reads a CSV file inside the package statsmodels, without importing it."""
    found = importlib.util.find_spec("statsmodels")
    if found is None or found.origin is None:
        raise NotHere("needs statsmodels, which `make bench-tables` installs")
    path = Path(found.origin).parent.joinpath(*parts)
    if not path.exists():
        raise NotHere(f"this statsmodels has no {'/'.join(parts)}")
    return pd.read_csv(path, sep=None, engine="python", quotechar='"')


# ---- chosen


def patients(rows: int = 2000) -> pd.DataFrame:
    """Generates patients with known dependence; the pressure correlates by 0.74 with its own predictor."""
    r = np.random.default_rng(0)
    sex = r.choice(["f", "m"], rows)
    male = sex == "m"
    age = np.clip(r.gamma(9, 6, rows), 18, 95).round().astype(int)
    old = (age - 54) / 18
    bmi = np.exp(3.2 + 0.12 * old + 0.05 * male + 0.12 * r.normal(size=rows))
    line = 0.5 * old + 0.45 * (bmi - 25) / 4 + 0.2 * male
    noise = np.sqrt(1 - 0.74**2) * r.normal(size=rows)
    pressure = 125 + 14 * (0.74 * (line - line.mean()) / line.std() + noise)
    smokes = r.random(rows) < 1 / (1 + np.exp(0.9 - 0.8 * male + 0.02 * (age - 54)))
    visits = r.negative_binomial(2, 2 / (2 + np.exp(0.8 + 0.6 * old + 0.3 * smokes)))
    return pd.DataFrame(
        {
            "age": age,
            "sex": sex,
            "bmi": bmi.round(1),
            "pressure": pressure.round(),
            "smoker": np.where(smokes, "yes", "no"),
            "visits": visits,
            "dose": np.where(pressure > 135, r.choice([5, 10, 20], rows, p=[0.5, 0.3, 0.2]), 0),
            "region": r.choice(list("ABCD"), rows, p=[0.5, 0.3, 0.15, 0.05]),
        }
    )


def anes96() -> pd.DataFrame:
    """Loads American voters of 1996, without the logarithm of the population."""
    frame = statsmodels_file("datasets", "anes96", "anes96.csv")
    return whole(frame.rename(columns=lambda name: name.strip("'")))


def breast_cancer() -> pd.DataFrame:
    """Loads 30 measurements of cell nuclei, and the diagnosis as text."""
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    frame["target"] = frame["target"].map({0: "malignant", 1: "benign"})
    return frame.rename(columns=lambda name: name.replace(" ", "_"))


def wine_red() -> pd.DataFrame:
    """Loads red wines: eleven measurements and a grade."""
    path = UCI / "winequality-red.csv"
    if not path.exists():
        raise NotHere("needs uci/winequality-red.csv in the folder that SIMULACRA_DATA names")
    names = (
        "fixed_acid volatile_acid citric sugar chlorides free_so2 total_so2 "
        "density ph sulphates alcohol quality"
    )
    return pd.read_csv(path, header=None, names=names.split())


def students() -> pd.DataFrame:
    """Loads three traits and three test scores of pupils in three programmes."""
    return statsmodels_file("multivariate", "tests", "results", "mvreg.csv")


# ---- reported


def fair() -> pd.DataFrame:
    """Loads marriages of readers of Redbook: grades, classes of age and time, and a skewed amount."""
    return some(statsmodels_file("datasets", "fair", "fair.csv"), 3000)


def modechoice() -> pd.DataFrame:
    """Loads journeys between Sydney and Melbourne: four modes a person, one of which was taken."""
    frame = statsmodels_file("datasets", "modechoice", "modechoice.csv").drop(columns="individual")
    ways = {1: "air", 2: "train", 3: "bus", 4: "car"}
    return whole(frame).assign(mode=frame["mode"].map(ways))


def randhie() -> pd.DataFrame:
    """Loads doctor visits in the RAND health insurance experiment; health is one column of four classes."""
    frame = some(statsmodels_file("datasets", "randhie", "randhie.csv"), 2000)
    flags = {"hlthg": "good", "hlthf": "fair", "hlthp": "poor"}
    health = np.select([frame[flag] == 1 for flag in flags], list(flags.values()), "excellent")
    return frame.drop(columns=list(flags)).assign(health=health)


def birthweight() -> pd.DataFrame:
    """Loads weights of newborns and their parents, without columns that are functions of others."""
    frame = some(statsmodels_file("treatment", "tests", "results", "cataneo2.csv"), 2500)
    made = ["mbsmoke_", "mmarried_", "fbaby_", "prenatal1_", "mage2", "lbweight"]
    return frame.drop(columns=made)


def visits() -> pd.DataFrame:
    """Loads Americans above 65: doctor visits, income and insurance, without derived columns."""
    frame = some(statsmodels_file("sandbox", "regression", "tests", "racd10data_with_transformed.csv"), 2000)
    flags = ["medicaid", "private", "female", "phylim", "actlim"]
    kept = ["ssiratio", "age", "educyr", *flags, "income", "totchr", "docvis"]
    return frame[kept].assign(female=frame["female"].map({0: "no", 1: "yes"}))


SOURCES = {
    source.name: source
    for source in (
        Source(
            "patients",
            "chosen",
            patients,
            "pressure",
            ("sex", "smoker", "region", "dose"),
            "generated, known dependence",
        ),
        Source(
            "anes96",
            "chosen",
            anes96,
            "vote",
            ("TVnews", "selfLR", "ClinLR", "DoleLR", "PID", "educ", "vote"),
            "statsmodels",
        ),
        Source("breast-cancer", "chosen", breast_cancer, "target", ("target",), "scikit-learn"),
        Source("wine-red", "chosen", wine_red, "quality", ("quality",), "UCI"),
        Source("students", "chosen", students, "science", ("prog",), "statsmodels, of its tests"),
        Source(
            "fair",
            "reported",
            fair,
            "yrs_married",
            ("rate_marriage", "religious", "occupation", "occupation_husb"),
            "statsmodels, 3,000 of 6,366 rows",
        ),
        Source("modechoice", "reported", modechoice, "choice", ("mode", "choice", "psize"), "statsmodels"),
        Source(
            "randhie", "reported", randhie, "mdvis", ("idp", "health"), "statsmodels, 2,000 of 20,190 rows"
        ),
        Source(
            "birthweight",
            "reported",
            birthweight,
            "bweight",
            (
                *("mmarried", "mhisp", "fhisp", "foreign", "alcohol", "deadkids", "msmoke", "mbsmoke"),
                *("mrace", "frace", "prenatal", "fbaby", "prenatal1"),
            ),
            "statsmodels, of its tests, 2,500 of 4,642 rows",
        ),
        Source(
            "visits",
            "reported",
            visits,
            "docvis",
            ("medicaid", "private", "female", "phylim", "actlim"),
            "statsmodels, of its sandbox, 2,000 of 3,629 rows",
        ),
    )
}


def chosen(names: list[str] | None, half: str) -> Iterator[Source]:
    """Yields the tables by name, or all of one half.

    Args:
        names: names of tables; None: all of `half`.
        half: `chosen`, `reported` or `all`.

    Raises:
        ValueError: if a name is unknown.
    """
    for name in names or SOURCES:
        if name not in SOURCES:
            raise ValueError(f"there is no table {name!r}; possible are {', '.join(SOURCES)}.")
        if names or half in ("all", SOURCES[name].half):
            yield SOURCES[name]
