"""Dates with gaps are named by `data inspect` as left out; its commands need no option for them."""

import numpy as np
import pytest

pytestmark = pytest.mark.fault("doors 2.hour")


def test_a_column_of_dates_is_named_as_left_out(cli, tmp_path):
    make = np.random.default_rng(3)
    days = [f"2024-{make.integers(1, 13):02d}-{make.integers(1, 29):02d}" for _ in range(300)]
    rows = [f"{make.integers(18, 90)},{'' if i % 9 == 0 else day}" for i, day in enumerate(days)]
    (tmp_path / "visits.csv").write_text("\n".join(["age,admitted", *rows]), encoding="utf-8")
    lines = cli("data", "inspect", tmp_path / "visits.csv").out.splitlines()
    assert any(
        line.startswith("columns left out") and "admitted (188 different dates" in line for line in lines
    )
    assert not any("--data.types" in line for line in lines)
