"""Two tiers of tests by their measured cost, and the order in which several processes run them.

`tests/costs.json` holds the CPU seconds, with child processes, of every test that takes `DEAR` or more. It
is written by `pytest --all --costs`, whose figures are those of the machine that ran it. The quick tier runs

    every test below DEAR, and every case of the catalogue below CASE,
    of each function the cheapest case, if it is below ALONE,
    of a function that proves rows of the systems table the cheapest case, if it is below PROOF, or if no test
        below ALONE proves one of its rows,
    all tests of readers by generated files (`property`) and of the project's own rules,

and what is dearer is `thorough`: `make test-all` alone runs it. New tests have no figure and are quick.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from xdist.scheduler import LoadGroupScheduling

COSTS = Path(__file__).resolve().parent / "costs.json"
DEAR, CASE, ALONE, PROOF = 0.3, 0.5, 1.0, 2.0  # CPU seconds
NO_CASE = SimpleNamespace(params={})
SPENT = pytest.StashKey[float]()
FOUND = pytest.StashKey[dict[str, float]]()


def function_of(nodeid: str) -> str:
    """The name of a test without its parameters."""
    return nodeid.split("[")[0]


def plain(nodeid: str) -> str:
    """The name of a test without the group that is behind it in a run of several processes."""
    at = nodeid.rfind("@")
    return nodeid[:at] if at > nodeid.rfind("]") else nodeid


def runs_always(item: pytest.Item) -> bool:
    """True if a test is quick whatever it costs: properties of readers, and the project's own rules."""
    own_rules = item.nodeid.startswith(("tests/architecture/", "tests/suggestions/test_suggestions_are_run"))
    return own_rules or item.get_closest_marker("property") is not None


def rows_of(item: pytest.Item) -> set[str]:
    """The rows of the systems table that a test proves."""
    return {row for mark in item.iter_markers("system") for row in mark.args}


def dear(items: list[pytest.Item], costs: dict[str, float]) -> list[pytest.Item]:
    """The tests that the rule at the top leaves to the whole suite.

    Args:
        items: tests that are quick by their marks.
        costs: CPU seconds by name; tests without a figure cost nothing.
    """
    cheapest: dict[str, pytest.Item] = {}
    cost = lambda item: costs.get(item.nodeid, 0.0)
    for item in items:
        name = function_of(item.nodeid)
        if name not in cheapest or cost(item) < cost(cheapest[name]):
            cheapest[name] = item
    proven = set().union(*(rows_of(item) for item in items if cost(item) < ALONE))

    def stays(item: pytest.Item) -> bool:
        if runs_always(item) or cheapest[function_of(item.nodeid)] is not item:
            return runs_always(item)
        rows = rows_of(item)
        return cost(item) < (PROOF if rows else ALONE) or bool(rows - proven)

    limit = lambda item: CASE if "case" in getattr(item, "callspec", NO_CASE).params else DEAR
    return [item for item in items if cost(item) >= limit(item) and not stays(item)]


def mark_dear(items: list[pytest.Item]) -> None:
    """Marks the tests that are left to the whole suite for their cost."""
    costs = json.loads(COSTS.read_text()) if COSTS.exists() else {}
    quick = [item for item in items if not item.get_closest_marker("thorough")]
    for item in dear(quick, costs):
        item.add_marker(pytest.mark.thorough("for its cost"))


# ---- measuring


def spent() -> float:
    """CPU seconds of this process and of its finished children."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


class Measured:
    """Measures what each test of a run costs, and writes it to the file at the end."""

    def __init__(self) -> None:
        self.costs: dict[str, float] = {}
        self.run: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """Begins before the fixtures of a test."""
        item.stash[SPENT] = spent()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Ends after them; the figure travels with the last report of the test."""
        done = yield
        item.user_properties.append(("cpu", spent() - item.stash[SPENT]))
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collects the figures, from other processes as well."""
        figures = dict(report.user_properties)
        self.run.add(plain(report.nodeid))
        if report.when == "teardown" and figures.get("cpu", 0) >= DEAR:
            self.costs[plain(report.nodeid)] = round(float(figures["cpu"]), 2)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Writes the file; the process that distributes the tests does so for all."""
        if "PYTEST_XDIST_WORKER" in os.environ:
            return
        known = json.loads(COSTS.read_text()) if COSTS.exists() else {}
        found = {name: cost for name, cost in known.items() if name not in self.run} | self.costs
        COSTS.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n")


# ---- several processes


class Scheduling(LoadGroupScheduling):
    """Gives out groups of tests in turn, and forgets each test that has ended.

    The original counts all tests that have ended, after each of them: 27 CPU seconds for 12,800 tests.
    """

    def mark_test_complete(self, node, item_index: int, duration: float = 0) -> None:
        """Removes a test that has ended, and gives out the next group when few tests are left."""
        nodeid = self.registered_collections[node][item_index]
        group = self._split_scope(nodeid)
        del self.assigned_work[node][group][nodeid]
        if not self.assigned_work[node][group]:
            del self.assigned_work[node][group]
        self._reschedule(node)
