"""From files to sections."""

import pytest
import yaml

from cgpipe.config.project import load_project, load_system, load_systems, parse_section, read_yaml
from cgpipe.config.sections import SplitSection
from cgpipe.errors import ConfigError

_SYSTEM = """
reference: {kind: openmm, sequence: ACE ALA NME}
mapping: {beads: [ALA2:N, ALA2:CA]}
training: {learning_rate: 0.01, n_epochs: 3}
"""


@pytest.fixture
def systems(tmp_path):
    (tmp_path / "toy.yaml").write_text(_SYSTEM)
    return tmp_path


def test_overrides_reach_their_key_and_no_other(systems):
    project = load_project({"systems": ["toy"], "overrides": {"toy": {"training": {"n_epochs": 9}}}})
    training = load_system(project, "toy", folder=systems).training
    assert (training.n_epochs, training.learning_rate) == (9, 0.01)


def test_overrides_of_another_system_do_nothing(systems):
    project = load_project({"systems": ["toy"], "overrides": {"other": {"training": {"n_epochs": 9}}}})
    assert load_system(project, "toy", folder=systems).training.n_epochs == 3


def test_an_unknown_key_of_an_override_is_refused(systems):
    project = load_project({"systems": ["toy"], "overrides": {"toy": {"training": {"epochs": 9}}}})
    with pytest.raises(ConfigError, match=r"unknown key `training\.epochs`"):
        load_system(project, "toy", folder=systems)


def test_an_unknown_key_of_the_project_is_refused():
    with pytest.raises(ConfigError, match="unknown key `system`; known here: systems"):
        load_project({"systems": ["toy"], "system": "toy"})


def test_a_missing_system_says_how_to_write_one(systems):
    with pytest.raises(ConfigError, match=r"there is no file .*nowhere\.yaml; `cgpipe new"):
        load_system(load_project({"systems": []}), "nowhere", folder=systems)


@pytest.mark.parametrize(("text", "complaint"), [("a: [1", "not valid YAML"), ("- a\n", "holds list"), ("", "holds")])
def test_a_broken_file_is_refused(tmp_path, text, complaint):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        read_yaml(path)


def test_yaml_runs_no_code(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(f"a: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        read_yaml(path)
    assert not (tmp_path / "made").exists()


def test_a_section_may_stand_in_a_file(tmp_path):
    path = tmp_path / "split.yaml"
    path.write_text("n_folds: 5\n")
    assert parse_section(SplitSection, str(path)).n_folds == 5


def test_broken_json_is_refused():
    with pytest.raises(ConfigError, match="neither a file nor JSON"):
        parse_section(SplitSection, '{"n_folds": ')


@pytest.mark.parametrize(("named", "markov"), [("toy", True), ("other", False)])
def test_slow_coordinates_come_from_another_system_that_has_them(tmp_path, named, markov):
    """Its own come too late, and a peptide has none."""
    bias = {"tics": {"system": named}}
    analysis = {"markov": {"lag_ps": 10, "model_lag_ps": 5}} if markov else {}
    for name, more in (("toy", {"bias": bias}), ("other", {})):
        content = {"reference": {"kind": "openmm", "structure": "a.pdb", **more}, "analysis": analysis}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=rf"toy: reference\.bias\.tics names {named}, which has no slow coordinates"):
        load_systems(load_project({"systems": ["toy"]}), folder=tmp_path)
