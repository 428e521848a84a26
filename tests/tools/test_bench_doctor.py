"""`make bench-doctor`: the recorded runs are printed without measuring."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.doctor import __main__ as bench
from benchmarks.doctor import runs


def test_make_runs_the_benchmark(scripts):
    it = scripts()
    it.main(["install", "dev"])
    assert it.main(["bench-doctor", "--only", "PPCA"]) == 0
    assert it.machine.ran[-1][0].endswith("-m benchmarks.doctor --only PPCA")


def test_both_runs_are_printed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks.doctor"])
    bench.main()
    said = capsys.readouterr().out
    assert said == runs.table() + "\n" and "\nbefore: " in said and "\nafter: " in said


def test_counts_are_those_of_the_rows():
    run = {
        "a": {"sick": ["x"], "hits": 2},
        "b": {"sick": ["x"], "hits": 3},
        "c": {"sick": [], "alarms": [[], ["note y"], ["note y", "warning z"]]},
    }
    assert runs.totals(run, sick=True) == (5, 6) and runs.totals(run, sick=False) == (2, 3)
