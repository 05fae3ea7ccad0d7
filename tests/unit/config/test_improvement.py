"""Rounds of a system: what they share, what each adds, and what cannot be improved."""

import pytest
import yaml

from cgpipe.config.improvement import load_rounds
from cgpipe.config.project import load_project
from cgpipe.errors import ConfigError

_SYSTEM = {
    "reference": {
        "kind": "openmm", "sequence": "ACE ALA NME", "length_ns": 2.0, "equilibration_ps": 50,
        "mean_force": {"n_configurations": 1000, "length_ps": 2},
    },
    "mapping": {"beads": ["ALA2:N", "ALA2:CA"]},
    "training": {"labels": "mean_force"},
    "improve": {"n_rounds": 3, "n_configurations": 500, "lead_ps": 1, "equilibration_ps": 2, "length_ps": 3},
}  # fmt: skip
_PROJECT = load_project({"systems": [], "seed": 5})


@pytest.fixture
def rounds(tmp_path):
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(_SYSTEM))
    return load_rounds(_PROJECT, "toy", folder=tmp_path)


def test_each_round_improves_the_one_before(rounds):
    names = [f"improve/toy/round{k}" for k in (1, 2, 3)]
    assert {name: system.improves for name, system in rounds.systems.items()} == dict(
        zip(names, ["toy", *names[:2]], strict=True)
    )
    assert {system.reference.system for system in rounds.systems.values()} == {"toy"}
    assert {system.seed for system in rounds.systems.values()} == {5}


def test_a_round_costs_its_new_averages(rounds):
    """Four trajectories of 2.05 ns, 2 ns of averages; then 500 times 6 ps a round."""
    assert [point.atomistic_ns for point in rounds.points] == pytest.approx([10.2, 13.2, 16.2, 19.2])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"training": {}}, "rounds add mean forces"),
        ({"reference": {"kind": "shared", "system": "a", "temperature_K": 300}}, "rounds add mean forces"),
        ({"train_on": ["a", "b"]}, "it learns from a, b, improve these"),
    ],
)
def test_what_cannot_be_improved_is_refused(tmp_path, changes, complaint):
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({**_SYSTEM, **changes}))
    with pytest.raises(ConfigError, match=complaint):
        load_rounds(_PROJECT, "toy", folder=tmp_path)
