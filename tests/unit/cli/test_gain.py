"""Whether another round follows: it must gain on the best so far by more than its error, and rounds must be left."""

import json

import pytest

from cgpipe.cli.main import main

_SECTION = json.dumps({"n_rounds": 3, "min_gain": 2.0})


@pytest.fixture
def decide(tmp_path):
    """Maker of the decision after comparisons of these values, each with an error of 0.3."""

    def make(*values):
        paths = []
        for number, value in enumerate(values):
            path = tmp_path / f"c{number}.json"
            metric = {"metric": "js", "value": value, "error": 0.3, "unit": "nats"}
            path.write_text(json.dumps([metric, {**metric, "value": -99.0}]))
            paths.append(str(path))
        output = tmp_path / "gain.json"
        assert main(["gain", "--section", _SECTION, "--comparisons", *paths, "--output", str(output)]) == 0
        return json.loads(output.read_text())

    return make


@pytest.mark.parametrize(
    ("values", "go_on"),
    [
        ((10.0, 8.0), True),
        ((10.0, 9.2), False),  # two errors of the difference are 0.85
        ((10.0, 9.1), True),
        ((10.0, 12.0), False),
        ((10.0, 5.0, 6.0), False),  # better than the start, not than the best
        ((10.0, 8.0, 6.0), True),
        ((10.0, 8.0, 6.0, 1.0), False),  # the third of three rounds
    ],
)
def test_another_round_follows_a_gain(decide, values, go_on):
    assert decide(*values)["go_on"] is go_on


def test_the_gain_is_that_over_the_best(decide):
    found = decide(10.0, 5.0, 4.0)
    assert (found["gain"], found["error"]) == (pytest.approx(1.0), pytest.approx(0.3 * 2**0.5))


def test_metrics_without_errors_decide_nothing(tmp_path, capsys):
    path = tmp_path / "c.json"
    path.write_text(json.dumps([{"metric": "js", "value": 1.0, "error": None, "unit": "nats"}]))
    output = tmp_path / "gain.json"
    assert main(["gain", "--section", _SECTION, "--comparisons", str(path), str(path), "--output", str(output)]) == 1
    assert "let a reference without windows judge" in capsys.readouterr().err
    assert not output.exists()
