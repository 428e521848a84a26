"""YAML from strangers: plain scalars, lists and mappings within limits, refused in one sentence otherwise."""

import json

import pytest

from simulacra.cli import main
from simulacra.core.storage.plain_yaml import DEEPEST, LONGEST, Refused, load_yaml

BOMB = "a0: &a0 [1, 1]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
HOSTILE = {
    "bytes": ("x: !!binary aGVsbG8=", "line 1 has the tag !!binary"),
    "set": ("x: !!set {a, b}", "line 1 has the tag !!set"),
    "python": (
        "x: !!python/object/apply:os.system [ls]",
        "line 1 has the tag !!python/object/apply:os.system",
    ),
    "own tag": ("y: 1\nx: !mine 3", "line 2 has the tag !mine"),
    "deep lists": ("x: " + "[" * 100_000, f"deeper than {DEEPEST}"),
    "deep mappings": ("{a: " * 50 + "1" + "}" * 50, f"deeper than {DEEPEST}"),
    "bomb": (BOMB, "line 1 has an anchor or alias"),
    "alias": ("x: *gone", "line 1 has an anchor or alias"),
    "long": ("x: " + "a" * LONGEST, "characters, and at most 1,000,000 are read"),
}


@pytest.mark.fault("doors 1.5")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_plain_is_refused(name):
    text, reason = HOSTILE[name]
    with pytest.raises(Refused) as refused:
        load_yaml(text)
    assert reason in str(refused.value)


@pytest.mark.fault("doors 1.5")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_plan_and_kinds_of_columns_are_refused_in_a_sentence(name, tmp_path, capsys):
    text, reason = HOSTILE[name]
    plan = tmp_path / "plan.yaml"
    plan.write_text(text, encoding="utf-8")
    assert main(["train", "--config", str(plan)]) == 2
    said = capsys.readouterr().err
    assert reason in said and said.count("\n") == 1
    (tmp_path / "t.csv").write_text("a,b\n" + "1,x\n2,y\n" * 9, encoding="utf-8")
    assert main(["data", "inspect", str(tmp_path / "t.csv"), "--data.types", str(plan)]) == 2
    assert "cannot be read as YAML" in capsys.readouterr().err


@pytest.mark.fault("doors 1.5")
@pytest.mark.parametrize("value", ["[" * 5000, "{a: " * 40, "[&a 1, *a]", "[!!binary aa]"])
def test_an_option_is_refused_in_a_sentence(value, capsys):
    assert main(["train", "vae", "ring", "--model.hidden", value]) == 2
    said = capsys.readouterr().err
    assert said.startswith("simulacra: error: ") and said.count("\n") == 1


def test_dates_and_old_booleans_are_text():
    found = load_yaml("a: 2020-01-01\nb: [no, on, 12:30, 010, 1_000]\nc: {1: 2}")
    assert json.loads(json.dumps(found)) == {
        "a": "2020-01-01",
        "b": ["no", "on", "12:30", "010", "1_000"],
        "c": {"1": 2},
    }
    assert load_yaml("") is None
