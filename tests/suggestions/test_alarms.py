"""Alarms of models about their own training name options that the model takes."""

import re

import pytest

from contract.choose import supports, where
from simulacra.core.capabilities import general as can
from simulacra.core.model import defaults_of

SICK = (
    {"accuracy": 0.5, "gradient": 1.0, "diversity": 0.1},
    {"accuracy": 0.99, "gradient": 1e-5, "diversity": 0.9},
)
BEFORE = ("gan-cls", "stackgan")  # models that match texts and pictures first
GAMES = where(lambda case: all(supports(case.name, one) for one in (can.HasDiagnostics, can.HasCritic)))


@pytest.mark.fault("pairs 11")
@GAMES
def test_an_alarm_of_a_game_names_options_that_it_takes(case):
    model = case.build()
    for numbers in SICK:
        said = can.able(model, can.HasDiagnostics).alarm(numbers)
        if said is None and case.catalogued in BEFORE:
            continue  # the game has not begun
        assert said is not None and said.endswith(".")
        assert set(re.findall(r"(\w+)=", said)) <= defaults_of(type(model)).keys()
