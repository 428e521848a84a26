"""The commands that run the tests: on all cores, or a selection in one process."""

from __future__ import annotations

import pytest


@pytest.fixture
def pytest_of(scripts, monkeypatch):
    """`pytest_of(4, "test", "-k", "space")`: how a command calls pytest on a machine of so many cores."""

    def called(cores: int, *words: str) -> str:
        it = scripts()
        monkeypatch.setattr(it.project.os, "sched_getaffinity", lambda process: range(cores), raising=False)
        assert it.main([*words]) == 0
        return it.machine.commands("-m pytest")[-1].split("-m pytest")[1].strip()

    return called


def test_the_quick_tier_has_a_process_for_each_core(pytest_of):
    assert pytest_of(2, "test") == "-n 2 --dist loadgroup"
    assert pytest_of(64, "test") == "-n 8 --dist loadgroup"
    assert pytest_of(1, "test") == ""


def test_a_selection_runs_in_one_process(pytest_of):
    assert pytest_of(2, "test", "-k", "space") == "-k space"


def test_the_whole_suite_has_every_test(pytest_of):
    assert pytest_of(2, "test-all") == "--all -n 2 --dist loadgroup"
    assert pytest_of(1, "test-all", "tests/exact") == "--all tests/exact"
