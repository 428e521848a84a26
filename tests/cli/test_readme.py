"""The README's examples run as written."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra.cli import main
from simulacra.core.spaces.audio import write_wav

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str, section: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def test_ten_lines_of_python_run_as_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    assert names["x"].shape == (16, 1, 8, 8)
    assert "log p(x) >=" in capsys.readouterr().out


def own_data(folder: Path) -> None:
    """What the section on own data names: photos, slides, recordings, a table with gaps, arrays."""
    make = np.random.default_rng(4)
    for i in range(24):
        photo = folder / "photos" / ("cat", "dog")[i % 2] / f"{i}.jpg"
        slide = folder / "slides" / f"slide {i % 6}" / f"{i}.tif"
        for path in (photo, slide):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make.integers(0, 256, (20 + i, 30, 3), np.uint8)).save(photo)
        Image.fromarray(make.integers(0, 2**16, (40, 33 + i), np.uint16)).save(slide)
    with open(folder / "patients.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "sex", "pressure"])
        for _ in range(120):
            row = [int(make.integers(18, 90)), "fm"[int(make.integers(2))], round(make.normal(125, 9), 1)]
            writer.writerow(["" if make.uniform() < 0.1 else value for value in row])
    for name, count, width in (("plans", 30, 48), ("sketches", 3, 31)):
        (folder / name).mkdir()
        for i in range(count):
            picture = make.integers(0, 256, (24, width, 3), np.uint8)
            Image.fromarray(picture).save(folder / name / f"{i}.png")
    (folder / "recordings").mkdir()
    for i in range(12):
        wave = torch.from_numpy(make.uniform(-0.5, 0.5, 900))
        write_wav(wave, 8000, folder / "recordings" / f"{i}.wav")
    np.savez(folder / "measurements.npz", x=make.normal(size=(90, 4)), kind=np.arange(90) % 3)


@pytest.mark.slow
def test_the_commands_for_own_data_run_as_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    own_data(tmp_path)
    section = README.split("## Your own data")[1].split("\n## ")[0]
    for path in ("photos", "slides", "recordings", "patients.csv", "measurements.npz"):
        assert main(["data", "inspect", path]) == 0
    lines = [line for block in blocks("sh", section) for line in block.strip().splitlines()]
    assert len(lines) == 12
    for line in lines:
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    with open("drawn.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["age", "sex", "pressure"] and len(rows) == 100
    assert {row[1] for row in rows} <= {"f", "m"}
    assert Image.open("drawn-slides/00.png").mode.startswith("I")
    assert Image.open("houses/2.png").size == (31, 24)
    pytest.importorskip("pandas")
    exec(compile(blocks("python", section)[0], "README.md", "exec"), {})
    assert "pressure" in capsys.readouterr().out


@pytest.mark.slow
def test_the_commands_for_tables_run_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make = np.random.default_rng(4)
    with open("patients.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "sex", "pressure"])
        writer.writerows(
            [int(make.integers(18, 90)), "fm"[int(make.integers(2))], round(make.normal(125, 9), 1)]
            for _ in range(120)
        )
    section = README.split("## Tables")[1].split("\n## ")[0]
    (block,) = blocks("sh", section)
    for line in block.strip().splitlines():
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    with open("drawn.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["age", "sex", "pressure"] and len(rows) == 1000
    with open("patients.csv", newline="", encoding="utf-8") as file:
        given = list(csv.reader(file))[1:]
    assert {row[0] for row in rows} <= {row[0] for row in given}, "values of training rows"
