"""Bad input: one sentence, exit code 2, no traceback, nothing left behind."""

import pytest
from cli_process import finish

FILES = {
    "nan.csv": "a,b\n1,2\n3,nan\n",
    "broken.yaml": "model: [1",
    "text.yaml": "just text",
    "wrong.yaml": "model: vae\ndata: digits\nepoch: 3\n",
    "notes.txt2": "nothing",
}

BAD = [
    ("trian vae digits", "command 'trian' is unknown; did you mean 'train'?"),
    ("--hlep", "did you mean '--help'?"),
    ("train", "MODEL is missing"),
    ("train vae", "DATA is missing"),
    ("train vea digits", "model 'vea' is unknown; did you mean 'vae'?"),
    ("train vae digts", "did you mean 'digits'?"),
    ("train vae digits more", "'more' is one word too many"),
    ("train vae digits --model.latnt 2", "did you mean '--model.latent'?"),
    ("train vae digits --latent 2", "did you mean '--model.latent'?"),
    ("train vae digits --binarize static", "did you mean '--data.binarize'?"),
    ("train vae digits --epoch 2", "did you mean '--epochs'?"),
    ("train vae digits -e 2", "options begin with two dashes"),
    ("train --model vae --data digits", "MODEL is missing"),
    ("train vae digits --model vae", "give its name as a word, simulacra train vae DATA"),
    ("train vae digits --model.latent two", "--model.latent is 'two', but it must be a whole number."),
    ("train vae digits --model.latent 2.5", "must be a whole number"),
    ("train vae digits --model.hidden 1,b", "--model.hidden is '1,b', but it must be whole numbers"),
    ("train vae digits --model.kl analitic", "did you mean 'analytic'?"),
    ("train vae digits --progress maybe", "must be true or false"),
    ("train vae digits --epochs", "--epochs needs a value: a number."),
    ("train vae digits --epochs 0", "epochs is 0"),
    ("train vae digits --lr fast", "--lr is 'fast', but it must be a number."),
    ("train vae digits --model.latent 0", "latent is 0"),
    ("train vae digits --model.likelihood gaussian", "gaussian"),
    ("train vae digits --device tpu", "must be auto, cpu, cuda or mps"),
    ("train rbm digits", "add --data.binarize dynamic."),
    ("train ppca digits", "add --data.dequantize uniform."),
    ("train pca digits --data.condition label", "pca takes no condition: leave out --data.condition."),
    ("train vae ring --data.condition label", "label"),
    ("train gan ring --patience 3", "gives no validation score"),
    ("train vae digits --data.validation 0 --patience 3", "add --data.validation 0.1"),
    ("train stacked-autoencoder digits --stages.layr-1.epochs 2", "did you mean 'layer-1'?"),
    ("train vae nan.csv", "nan.csv, column 'b', has a missing value in line 3: add --data.missing mask"),
    ("train vae nowhere.csv", "nowhere.csv does not exist"),
    ("train vae notes.txt2", "unknown extension"),
    ("train --config nowhere.yaml", "--config nowhere.yaml is not there"),
    ("train --config broken.yaml", "broken.yaml is not valid YAML in line 1"),
    ("train --config text.yaml", "text.yaml must hold options by name"),
    ("train --config wrong.yaml", "did you mean '--epochs'?"),
    ("train --resume nowhere", "nowhere holds no config.json"),
    ("train --resume", "--resume needs a value"),
    ("train --resume nowhere --epochs 3", "leave out --epochs"),
    ("sample", "RUN is missing: simulacra sample RUN [options]."),
    ("sample nowhere", "nowhere holds no config.json"),
    ("sample nowhere --n 0", "--n is 0"),
    ("sample nowhere --out x.jpg", "must end in .png, .npy, .npz, .csv"),
    ("evaluate nowhere --spilt test", "did you mean '--split'?"),
    ("evaluate nowhere --k 0", "--k is 0"),
    ("explore a b", "b holds no config.json"),
    ("compare", "at least two"),
    ("models vaee", "did you mean 'vae'?"),
    ("models a b", "one name at most"),
    ("data fetch mnist", "simulacra data [get NAME | inspect PATH]"),
    ("data get", "NAME is missing"),
    ("data get mnits", "did you mean 'mnist'?"),
    ("data get digits", "needs no download"),
    ("data get mnist --foldr x", "did you mean '--folder'?"),
]


@pytest.fixture
def files(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(("line", "said"), BAD, ids=[line for line, _ in BAD])
def test_bad_input(cli, files, line, said):
    done = cli(*line.split())
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith("simulacra: error: ") and said in last
    assert "Traceback" not in done.err and done.err.count("error:") == 1
    assert sorted(p.name for p in files.iterdir()) == sorted(FILES)


def test_a_folder_that_was_there_stays_as_it_was(cli, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.md").write_text("mine")
    assert cli("train", "gan", "ring", "--patience", "2", "--out", "mine").code == 2
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.md"]


def test_a_run_is_never_overwritten(cli, trained):
    files = {p: p.read_bytes() for p in (trained / "plain").iterdir() if p.is_file()}
    done = cli("train", "vae", "digits", "--epochs", "1", "--out", trained / "plain")
    assert done.code == 2 and "--resume" in done.err
    assert {p: p.read_bytes() for p in (trained / "plain").iterdir() if p.is_file()} == files


def test_a_loss_that_is_not_finite(cli, tmp_path):
    done = cli("train", "vae", "digits", "--lr", "1e20", "--epochs", "5", "--out", "run")
    assert done.code == 2 and "training stopped" in done.err
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()


def test_what_the_model_cannot_do(cli, tmp_path):
    assert cli("train", "pca", "digits", "--out", "run").code == 0
    done = cli("sample", "run")
    assert done.code == 2 and "PCA cannot do sample()" in done.err
    done = cli("sample", "run", "--condition", "3")
    assert done.code == 2 and "leave out --condition" in done.err


def test_words_that_are_no_class(cli, trained):
    done = cli("sample", trained / "given", "--condition", "elephant")
    assert done.code == 2 and "'elephant' is no class" in done.err
    assert cli("sample", trained / "given", "--condition", "11").code == 2


def test_debug_shows_where_it_came_from(cli, monkeypatch):
    assert "Traceback" in cli("--debug", "train", "vae", "digits", "--epochs", "0").err
    monkeypatch.setenv("SIMULACRA_DEBUG", "1")
    assert "Traceback" in cli("models", "nothing").err


def test_as_a_process(tmp_path):
    done = finish("train", "vea", "digits", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "simulacra: error: model 'vea' is unknown; did you mean 'vae'?\n"
