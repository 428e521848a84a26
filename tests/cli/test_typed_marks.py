"""Options hold the text that was typed, also where YAML would take it for nothing."""

import pytest

from simulacra.cli.app import main
from simulacra.cli.inspect import _options

pytestmark = pytest.mark.fault("outside 1.w4.comments")


@pytest.mark.parametrize("value", ["#", "# ", "%", "//", "#N/A", "~", "#3", "a #3", "none"])
@pytest.mark.parametrize("name", ["comment", "separator", "missing_values", "label"])
def test_marks_are_taken_as_they_are_typed(name, value):
    assert _options([(f"data.{name}", value)])[name] == value


def test_a_mark_of_comments_can_be_given_to_a_command(tmp_path, capsys):
    path = tmp_path / "t.csv"
    rows = "".join(f"{'abcdefg#'[i % 8]}4,{i * 7919 % 101 / 10},{i % 5}\n" for i in range(80))
    path.write_text("key,force,bar\n" + rows)
    assert main(["data", "inspect", str(path), "--data.comment", "#"]) == 0
    assert "10 comment lines (#)" in capsys.readouterr().out
