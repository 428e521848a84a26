"""Places of outputs: refused before the work, and nothing half written remains at them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from method_files import saved, table, write
from PIL import Image

import simulacra
from simulacra import Levels
from simulacra.core.storage.files import ABANDONED, write_atomically

SIDE = 4


@pytest.fixture
def folder(tmp_path):
    """A denoiser of small pictures, a VAE of a table, three pictures, a table, and a plain file."""
    space = Levels((1, SIDE, SIDE), 256)
    more = {"latent": 2, "hidden": (5,), "net": "mlp", "corruption": "gaussian:0.2"}
    saved(tmp_path / "m.safetensors", simulacra.Autoencoder, space, **more)
    saved(tmp_path / "v.safetensors")
    (tmp_path / "in").mkdir()
    for i in range(3):
        Image.new("L", (SIDE, SIDE), 20 * i).save(tmp_path / f"in/{i}.png")
    write(tmp_path / "t.csv", table(3))
    np.save(tmp_path / "x.npy", np.zeros((3, 1, SIDE, SIDE), np.uint8))
    (tmp_path / "plain").write_text("kept")
    (tmp_path / "there.csv").mkdir()
    (tmp_path / "there.npy").mkdir()
    (tmp_path / "there.png").mkdir()
    return tmp_path


CASES = [
    ("denoise m in --out plain", "--out plain is a file: give a folder, such as plain-files."),
    ("denoise m in --out plain/x/y", "is a file: give another place"),
    ("denoise m in --out .", "--out . holds the input in, and answers go to a folder or file of their own"),
    (
        "denoise m x.npy --out there.npy",
        "--out there.npy is a folder: give a file, such as there.npy/answers.npy.",
    ),
    ("denoise m x.npy --out plain/y.npy", "is a file: give another place"),
    (f"denoise m in --out {'n' * 300}", "a name of 300 bytes, but at most 255 are possible"),
    ("score v t.csv --out there.csv", "--out there.csv is a folder: give a file"),
    ("score v t.csv --out plain/o.csv", "is a file: give another place"),
    ("encode v t.csv --out plain/o.npy", "is a file: give another place"),
    ("sample m --out plain/", "is a file: give a folder, such as plain-files."),
    ("sample m --out there.png", "--out there.png is a folder: give a file"),
    ("sample v --out plain/o.csv", "is a file: give another place"),
    ("export v --out plain/o.onnx", "is a file: give another place"),
    ("explore samples v --out plain", "--out plain is a file: give a folder"),
    ("compare v v --out plain/o.md", "is a file: give another place"),
    ("train ppca t.csv --out plain", "--out plain is a file: give a folder"),
]


@pytest.mark.fault("outside 1.w3.6")
@pytest.mark.parametrize(("line", "said"), CASES, ids=[line[:40] for line, _ in CASES])
def test_a_place_that_takes_no_answer_is_refused_before_the_work(cli, folder, monkeypatch, line, said):
    def worked(*_, **__):
        raise AssertionError("the work began")

    for kind in (simulacra.Autoencoder, simulacra.VAE):
        for name in ("denoise", "log_prob", "encode", "sample"):
            monkeypatch.setattr(kind, name, worked)
    before = sorted(folder.rglob("*"))
    done = cli(*(f"{word}.safetensors" if word in ("m", "v") else word for word in line.split()))
    assert done.code == 2 and not done.out, done.out
    assert done.err.count("\n") <= 2 and said in done.err.splitlines()[-1], done.err
    assert sorted(folder.rglob("*")) == before and (folder / "plain").read_text() == "kept"


@pytest.mark.fault("outside 1.w3.6")
def test_what_the_refusal_suggests_works(cli, folder):
    assert cli("denoise", "m.safetensors", "in", "--out", "plain-files").code == 0
    assert cli("denoise", "m.safetensors", "x.npy", "--out", "there.npy/answers.npy").code == 0
    assert cli("denoise", "m.safetensors", "in", "--out", "answers").code == 0


@pytest.mark.fault("outside 1.w3.7")
@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "no folder"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_a_folder_that_could_not_be_filled_is_as_it_was(cli, folder, monkeypatch, there, error):
    from simulacra.cli.methods import in_files

    if there:
        (folder / "out").mkdir()
    written, count = in_files._write, []

    def full(*given):
        if len(count) == 2:
            raise error
        count.append(written(*given))

    monkeypatch.setattr(in_files, "_write", full)
    done = cli("denoise", "m.safetensors", "in", "--out", "out")
    assert done.code == (130 if isinstance(error, KeyboardInterrupt) else 2) and len(count) == 2
    if isinstance(error, OSError):
        assert "out could not be written (No space left on device); no file was left in it." in done.err
    assert (folder / "out").is_dir() == there and not list((folder / "out").glob("*"))
    assert not list(folder.glob(".*.part"))
    monkeypatch.setattr(in_files, "_write", written)
    assert cli("denoise", "m.safetensors", "in", "--out", "out").code == 0
    assert len(list((folder / "out").iterdir())) == 3


@pytest.mark.fault("outside 1.w3.7")
def test_what_a_killed_process_left_is_no_file_of_the_user(cli, folder):
    """A process that is killed leaves its folder aside: the next goes on, and removes it once it is old."""
    for name, age in ((".out.1.part", 2 * ABANDONED), (".out.2.part", 0)):
        left = folder / "out" / name
        left.mkdir(parents=True)
        (left / "0.png").write_text("half")
        os.utime(left, (left.stat().st_mtime - age,) * 2)
    space = Levels((1, SIDE, SIDE), 256)
    saved(folder / "s.safetensors", simulacra.VAE, space, latent=2, hidden=(5,))
    for command in (("denoise", "m.safetensors", "in"), ("sample", "s.safetensors", "--n", 3)):
        done = cli(*command, "--out", "out/")
        assert done.code == 0, done.err
        found = sorted(path.name for path in (folder / "out").iterdir())
        assert found == [".out.2.part", "0.png", "1.png", "2.png"]
        for path in (folder / "out").glob("*.png"):
            path.unlink()
    (folder / "out/mine.txt").write_text("kept")
    done = cli("denoise", "m.safetensors", "in", "--out", "out")
    assert done.code == 2 and "holds files already" in done.err and (folder / "out/mine.txt").is_file()


@pytest.mark.fault("outside 1.w3.7")
def test_a_folder_that_gets_files_meanwhile_keeps_them(tmp_path):
    from simulacra.core.storage.folders import write_folder

    (tmp_path / "out").mkdir()

    def fill(aside):
        (aside / "a").write_text("ours")
        (tmp_path / "out/a").write_text("theirs")

    with pytest.raises(ValueError, match="holds files by now"):
        write_folder(tmp_path / "out", fill)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a"]
    assert (tmp_path / "out/a").read_text() == "theirs"


@pytest.mark.fault("outside 1.w3.2")
@pytest.mark.skipif(os.name == "nt", reason="paths are short there")
def test_a_place_a_thousand_folders_deep(cli, folder):
    deep = "a/" * 1200 + "x.csv"
    done = cli("score", "v.safetensors", "t.csv", "--k", 2, "--out", deep)
    assert done.code == 0 and (folder / deep).is_file(), done.err[-300:]
    here = os.getcwd()
    try:  # pytest's own removal of folders is recursive
        for _ in range(1200):
            os.chdir("a")
        (Path("x.csv")).unlink()
        for _ in range(1200):
            os.chdir("..")
            os.rmdir("a")
    finally:
        os.chdir(here)


@pytest.mark.fault("outside 1.w3.2")
def test_folders_above_an_output_that_is_not_written_do_not_remain(cli, folder):
    (folder / "smalls").mkdir()
    Image.new("L", (SIDE - 1, SIDE)).save(folder / "smalls/a.png")
    write(folder / "ragged.csv", ["age,sex,pay", "1,f,2", "1,f"])
    for words in (("denoise", "m", "smalls", "new/deep/o"), ("score", "v", "ragged.csv", "new/deep/o.csv")):
        done = cli(words[0], f"{words[1]}.safetensors", words[2], "--out", words[3])
        assert done.code == 2 and not (folder / "new").exists(), done.err


@pytest.mark.fault("outside 1.w3.2")
@pytest.mark.skipif(os.name == "nt", reason="names are shorter there")
def test_the_longest_name_is_written(cli, folder):
    name = "é" * 125 + ".csv"
    done = cli("score", "v.safetensors", "t.csv", "--k", 2, "--out", name)
    assert done.code == 0 and (folder / name).is_file(), done.err
    write_atomically(folder / ("n" * 255), lambda aside: aside.write_text("x"))
    assert (folder / ("n" * 255)).read_text() == "x"


@pytest.mark.fault("outside 1.w3.1")
def test_a_terminal_gets_no_control_characters_from_a_table(cli, folder, monkeypatch):
    lines = ["note,age,sex,pay", "\x1b[2J,0.5,f,1", "\u202egnp.exe,0.5,f,1", "plain,1,m,2"]
    write(folder / "odd.csv", lines, end="\r\n")
    Image.new("L", (SIDE, SIDE)).save(folder / "in/\x1b[2J.png")
    for words in (("score", "v.safetensors", "odd.csv", "--k", 2), ("encode", "m.safetensors", "in")):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
        piped = cli(*words)
        assert piped.code == 0 and "\x1b[2J" in piped.out
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        seen = cli(*words)
        assert seen.code == 0 and "\x1b" not in seen.out and "\u202e" not in seen.out and "\r" not in seen.out
        assert "\\x1b[2J" in seen.out and seen.out.count("\n") == piped.out.count("\n")


def killed_while_putting(folder, files=4):
    """A process that is killed at the second rename after its files are written; returns what is left."""
    from simulacra.core.storage.folders import write_folder

    rename, calls = os.replace, []

    def counted(*paths):
        calls.append(paths)
        if len(calls) == 3:
            os._exit(9)
        rename(*paths)

    child = os.fork()
    if not child:
        os.replace = counted
        write_folder(folder, lambda aside: [(aside / f"{i}").write_text("x") for i in range(files)])
        os._exit(0)
    os.waitpid(child, 0)
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.fault("outside 1.left.5")
@pytest.mark.skipif(os.name == "nt", reason="no fork there")
def test_a_kill_leaves_all_answers_in_an_empty_folder_or_none(tmp_path):
    (tmp_path / "out").mkdir(mode=0o750)
    assert killed_while_putting(tmp_path / "out") == ["0", "1", "2", "3"]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


@pytest.mark.fault("outside 1.left.5")
@pytest.mark.skipif(os.name == "nt", reason="no fork there")
def test_a_part_of_the_answers_is_told(cli, folder, monkeypatch):
    """A folder in which the process stands stays the same folder: files are put into it one by one."""
    (folder / "out").mkdir()
    monkeypatch.chdir(folder / "out")
    assert len(killed_while_putting(folder / "out")) < 4
    monkeypatch.chdir(folder)
    done = cli("denoise", "m.safetensors", "in", "--out", "out")
    assert done.code == 2 and "part of the answers of a process that was killed" in done.err
