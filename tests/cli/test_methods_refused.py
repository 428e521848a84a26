"""Bad input to the methods on files: one sentence that suggests what works, and nothing is written."""

from __future__ import annotations

import numpy as np
import pytest
from method_files import SPACE, column, frame, numbers, saved, table, write
from PIL import Image

import simulacra
from simulacra import Categorical, Real, Table

pytestmark = pytest.mark.fault("wider.2")


@pytest.fixture
def folder(tmp_path):
    """A VAE of a table, a conditional one, a GAN of vectors, and files."""
    saved(tmp_path / "vae.safetensors")
    kinds = Categorical((), 2, ("old", "new"))
    saved(tmp_path / "given.safetensors", simulacra.VAE, SPACE, condition=kinds, latent=2, hidden=(5,))
    simulacra.GAN(Real((3,)), hidden=(4,)).save(tmp_path / "gan.safetensors")
    made = simulacra.MADE(Real((2,)), hidden=(4,))
    data = simulacra.load_data({"age": [1.0, 2.5], "pay": [2.0, 4.0]}, types="real", validation=0, test=0)
    made.preprocessing = data.preprocessing
    made.save(tmp_path / "made.safetensors")
    write(tmp_path / "new.csv", table(5))
    np.save(tmp_path / "x.npy", np.zeros((4, 3), np.float32))
    (tmp_path / "pics").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "pics/a.png")
    return tmp_path


FILES = {
    "empty.csv": b"",
    "blank.csv": b"\n\n",
    "header.csv": b"age,sex,pay\n",
    "other.csv": b"Age,sex,height\n1,f,2\n",
    "ragged.csv": b"age,sex,pay\n1,f,2\n1,f\n",
    "scored.csv": b"age,sex,pay,log_prob\n1,f,2,0\n",
    "texts.csv": b"age,sex,pay\na,f,2\nb,f,2\nc,m,2\n",
    "twice.csv": b"age,sex,pay,age\n1,f,2,1\n",
    "latin.csv": "age,sex,pay,Größe\n1,f,2,x\n".encode("latin-1"),
    "quote.csv": b'age,sex,pay\n1,f,"2\n',
}
CASES = [
    ("score vae nothere.csv", ("there is no file or folder 'nothere.csv'", "did you mean 'new.csv'")),
    ("score nothere new.csv", ("nothere",)),
    ("score vae empty.csv", ("empty.csv holds no rows", "a line of names")),
    ("score vae blank.csv", ("blank.csv holds no rows",)),
    ("score vae header.csv", ("holds a header but no rows",)),
    ("score vae other.csv", ("no columns 'age', 'pay'", "rename 'Age' into 'age'", "it has 'Age'")),
    ("score vae ragged.csv --out o.csv", ("2 cells in line 3, but 3 columns", "empty cell")),
    ("score vae scored.csv", ("a column 'log_prob' already", "rename the column")),
    ("score vae texts.csv", ("holds 'a' in column 'age'", "no number", "trained on")),
    ("score vae twice.csv", ("several columns 'age'", "rename all but one")),
    ("score vae latin.csv", ("latin.csv is no UTF-8 text", "save it as UTF-8")),
    ("score vae quote.csv", ("quote.csv cannot be read", "close each quotation")),
    ("score vae pics", ("pics is a folder of images", "trained on Table", "give a table")),
    ("score vae x.npy", ("x.npy is an array file", "give a table")),
    ("score gan new.csv", ("GAN cannot do log_prob()", "this one", "simulacra sample")),
    ("encode vae new.csv --out o.png", ("--out o.png must end in .csv or .npy or .npz",)),
    ("score vae new.csv --out o.npy", ("--out o.npy must end in .csv",)),
    ("complete vae new.csv --out o.npy", ("--out o.npy must end in .csv",)),
    ("score vae new.csv --out new.csv", ("is the input new.csv", "never overwritten", "another name")),
    ("score vae new.csv --out ./pics/../new.csv", ("never overwritten",)),
    ("score vae new.csv --k 0", ("--k is 0", "at least one")),
    ("complete vae new.csv --n 0", ("--n is 0", "at least 1")),
    ("complete vae new.csv --method gibbs", ("method='gibbs'", "possible are resampling, pseudo-gibbs")),
    ("complete vae new.csv --known upper", ("gaps of a table are its empty cells", "leave out --known")),
    ("classify vae new.csv", ("VAE cannot do classify()", "simulacra score, simulacra complete")),
    ("denoise vae new.csv", ("VAE cannot do denoise()", "needs a model that denoises")),
    ("translate vae new.csv --to x", ("VAE cannot do translate()",)),
    ("predict gan x.npy", ("GAN cannot do predict()", "predicts or classifies")),
    ("score given new.csv", ("no column of conditions", "--condition COLUMN", "--condition VALUE")),
    ("score given new.csv --condition none", ("'none' is no class", "old, new")),
    (
        "score given new.csv --condition old,new",
        ("2 values", "more than 4 rows", "name the column"),
    ),
    ("score vae new.csv --condition old", ("without a condition", "leave out --condition")),
    ("score vae new.csv --conditoin old", ("--condition",)),
    ("score vae", ("FILE is missing",)),
]


@pytest.mark.parametrize(("line", "parts"), CASES, ids=[line for line, _ in CASES])
def test_bad_input_is_one_sentence(cli, folder, line, parts):
    words = line.split()
    for name in set(words) & set(FILES):
        (folder / name).write_bytes(FILES[name])
    names = {"vae", "given", "gan", "made"}
    words = [f"{word}.safetensors" if word in names else word for word in words]
    before = sorted(folder.rglob("*"))
    done = cli(*words)
    assert done.code == 2 and not done.out and "Traceback" not in done.err
    last = done.err.splitlines()[-1]
    assert last.startswith("simulacra: error: ") and last.endswith((".", "?")), last
    assert all(part in last for part in parts), last
    assert sorted(folder.rglob("*")) == before


def test_rows_that_cannot_be_scored_have_empty_cells_and_an_exit_code(cli, folder):
    """A model that leaves no entry out: gaps and odd cells; the others have the scores of Python."""
    lines = ["id,age,pay", "1,0.5,0.25", "2,,1", "3,2,1e-3", "4,old,1", "5,1,1"]
    write(folder / "odd.csv", lines)
    done = cli("score", "made.safetensors", "odd.csv")
    assert done.code == 3
    x = {"age": [0.5, 2.0, 1.0], "pay": [0.25, 1e-3, 1.0]}
    found = numbers(simulacra.load("made.safetensors").log_prob(x).values)
    assert column(done.out, "log_prob") == [found[0], "", found[1], "", found[2]]
    assert done.out.splitlines()[2] == "2,,1,,," and done.out.splitlines()[4] == "4,old,1,,,"
    assert "2 rows have no answer" in done.err and "line 3 has a gap in column 'age'" in done.err
    assert "'old' in line 5" in done.err and "5 rows" in done.err
    done = cli("encode", "vae.safetensors", "new.csv", "--out", "z.npy")
    assert done.code == 0 and not np.isnan(np.load(folder / "z.npy")).any()


def test_a_cell_that_cannot_be_read_counts_as_missing_and_stays(cli, folder):
    """A model that leaves entries out: the row has its score, and exit code 3 says that it is not whole."""
    write(folder / "odd.csv", ["age,sex,pay", "0.5,x,0.25", "1,f,"])
    write(folder / "gaps.csv", ["age,sex,pay", "0.5,,0.25", "1,f,"])
    odd, gaps = (cli("score", "vae.safetensors", name, "--k", 2) for name in ("odd.csv", "gaps.csv"))
    assert (odd.code, gaps.code) == (3, 0)
    assert column(odd.out, "log_prob") == column(gaps.out, "log_prob")
    assert "'x' in line 2 (known classes are f, m): taken as missing" in odd.err
    done = cli("complete", "vae.safetensors", "odd.csv", "--seed", 1)
    assert done.code == 3 and done.out.splitlines()[1] == "0.5,x,0.25"
    assert done.out.splitlines()[2].startswith("1,f,") and column(done.out, "pay")[1]
    assert "1 of them with gaps" in done.err


def test_a_condition_is_a_column_of_the_file_or_one_value(cli, folder):
    lines = [f"{line},{'new' if i % 2 else 'old'}" for i, line in enumerate(table(4))]
    lines[0] = table(4)[0] + ",when"
    write(folder / "when.csv", [*lines, lines[-1].removesuffix("old").removesuffix("new")])
    model = simulacra.load("given.safetensors")
    x = frame(folder / "when.csv")
    done = cli("score", "given.safetensors", "when.csv", "--k", 2, "--condition", "when")
    whole = {name: values[:4] for name, values in x.items()}
    expected = numbers(model.log_prob(whole, whole["when"], k=2).values)
    assert done.code == 3 and column(done.out, "log_prob") == [*expected, ""]
    assert "line 6 has no condition" in done.err and "mean log p(x|c) >=" in done.err
    done = cli("score", "given.safetensors", "when.csv", "--k", 2, "--condition", "new")
    assert done.code == 0
    assert column(done.out, "log_prob") == numbers(model.log_prob(x, "new", k=2).values)


def test_conditions_are_columns_of_their_names_or_one_for_each_row(cli, folder):
    """A condition that is a table, and one of two numbers from a file; in raw units, as large as years."""
    given = Table(year=Real(), kind=Categorical((), 2, ("old", "new")))
    table_of = saved(folder / "t.safetensors", simulacra.VAE, SPACE, condition=given, latent=2, hidden=(5,))
    lines = ["age,sex,pay,kind,year", "1,f,2,old,1999", "2,m,3,new,2024", "1,f,2,new,"]
    write(folder / "c.csv", lines)
    done = cli("score", "t.safetensors", "c.csv", "--k", 2)
    x = frame(folder / "c.csv")
    whole = {name: values[:2] for name, values in x.items()}
    c = {"year": [1999.0, 2024.0], "kind": ["old", "new"]}
    assert done.code == 3 and "line 4 has no condition" in done.err
    assert column(done.out, "log_prob") == [*numbers(table_of.log_prob(whole, c, k=2).values), ""]
    lacking = cli("score", "t.safetensors", "new.csv")
    assert lacking.code == 2 and "no column 'year', 'kind'" in lacking.err
    vector = saved(
        folder / "v.safetensors", simulacra.VAE, SPACE, condition=Real((2,)), latent=2, hidden=(5,)
    )
    c = np.arange(6.0).reshape(3, 2)
    np.save(folder / "c.npy", c)
    done = cli("score", "v.safetensors", "c.csv", "--k", 2, "--condition", "c.npy")
    assert done.code == 0, done.err
    assert column(done.out, "log_prob") == numbers(vector.log_prob(x, c, k=2).values)
    np.save(folder / "c.npy", np.zeros((4, 2)))
    done = cli("score", "v.safetensors", "c.csv", "--condition", "c.npy", "--out", "o.csv")
    assert done.code == 2 and "--condition has 4 values, but c.csv has 3 rows" in done.err
    assert not (folder / "o.csv").exists()
    done = cli("score", "v.safetensors", "c.csv", "--condition", "year")
    assert done.code == 2 and "which one column cannot hold" in done.err


def test_a_row_without_a_condition_does_not_move_the_draws_of_others(cli, folder):
    write(folder / "a.csv", ["age,sex,pay,c", ",f,1,old", ",f,1,new", ",f,1,new", ",f,1,old"])
    write(folder / "b.csv", ["age,sex,pay,c", ",f,1,old", ",f,1,", ",f,1,new", ",f,1,old"])
    a, b = (
        cli("complete", "given.safetensors", name, "--seed", 2, "--condition", "c")
        for name in ("a.csv", "b.csv")
    )
    assert (a.code, b.code) == (0, 3)
    ages = column(a.out, "age"), column(b.out, "age")
    assert ages[1][1] == "" and ages[0][0] == ages[1][0] and ages[0][2:] == ages[1][2:]
    assert len(set(ages[0])) == 4
