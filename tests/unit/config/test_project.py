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


_NOISE = {"training": {"noise_nm": 0.005}, "mapping": {"beads": ["ALA2:N", "ALA2:CA"]}}
_PEPTIDE = {"kind": "openmm", "sequence": "ACE ALA NME"}


@pytest.mark.parametrize(
    "more",
    [
        {"reference": {**_PEPTIDE, "bias": {"torsions": [["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:C"]]}}},
        {"reference": {**_PEPTIDE, "starts": ["native", "heated"]}},
        {"reference": _PEPTIDE, "analysis": {"markov": {"lag_ps": 10, "model_lag_ps": 5}}},
    ],
    ids=["biased", "heated", "reweighted"],
)
def test_noise_needs_frames_that_are_drawn_by_their_weight(tmp_path, more):
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({**_NOISE, **more}))
    with pytest.raises(ConfigError, match=r"toy: training\.noise_nm needs frames that follow the Boltz"):
        load_systems(load_project({"systems": ["toy"]}), folder=tmp_path)


@pytest.mark.parametrize("more", [{}, {"starts": ["exchanged"], "exchange": {"temperatures_K": [400]}}])
def test_noise_on_frames_of_equal_weight_is_accepted(tmp_path, more):
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({**_NOISE, "reference": {**_PEPTIDE, **more}}))
    assert load_systems(load_project({"systems": ["toy"]}), folder=tmp_path)["toy"].training.noise_nm == 0.005


def test_noise_must_be_that_of_the_priors_that_are_taken_over(tmp_path):
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({**_NOISE, "reference": _PEPTIDE, "train_on": ["clean"]}))
    (tmp_path / "clean.yaml").write_text(yaml.safe_dump({"mapping": _NOISE["mapping"], "reference": _PEPTIDE}))
    with pytest.raises(ConfigError, match=r"noise_nm differs from that of clean"):
        load_systems(load_project({"systems": ["toy"]}), folder=tmp_path)


def test_systems_that_bias_each_other_are_refused(tmp_path):
    for name, other in (("toy", "other"), ("other", "toy")):
        reference = {"kind": "openmm", "structure": "a.pdb", "bias": {"tics": {"system": other}}}
        content = {"reference": reference, "analysis": {"markov": {"lag_ps": 10, "model_lag_ps": 5}}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="not itself biased along `tics`"):
        load_systems(load_project({"systems": ["toy"]}), folder=tmp_path)


def test_only_rounds_improve_a_system(systems):
    (systems / "toy.yaml").write_text(_SYSTEM + "improves: toy\n")
    with pytest.raises(ConfigError, match="`improves` is set by the rounds of `snakemake improve`; leave it out"):
        load_system(load_project({"systems": ["toy"]}), "toy", folder=systems)
