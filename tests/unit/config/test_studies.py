"""Studies become systems: their names, their seeds, what they share, and what they cost."""

import pytest

from cgpipe.config.project import load_project, load_systems
from cgpipe.config.studies import load_study
from cgpipe.errors import ConfigError

_SYSTEM = """
reference:
  kind: openmm
  sequence: ACE ALA NME
  n_trajectories: 2
  length_ns: 1
  frame_interval_ps: 0.2
  equilibration_ps: 50
  mean_force: {n_configurations: 100, length_ps: 2, equilibration_ps: 1}
  bias: {torsions: [[ACE1:C, ALA2:N, ALA2:CA, ALA2:C]], n_walkers: 2, build_length_ns: 0.5}
mapping: {beads: [ALA2:N, ALA2:CA]}
"""
_SHARED = "reference: {kind: shared, system: toy, temperature_K: 300}\nmapping: {beads: [ALA2:N, ALA2:CA]}"
_FILES = """
reference: {kind: files, topology: t.pdb, trajectories: [t.h5md], temperature_K: 300, frame_interval_ps: 1}
mapping: {beads: [ALA2:N, ALA2:CA]}
"""
_STUDY = """
base: toy
judged_by: judge
seeds: [1, 2]
overrides: {training: {n_epochs: 3}}
axes:
  frames:
    label: frames
    points:
      "1000": {reference: {n_frames: 1000}}
      "10000": {}
  labels:
    label: labels
    points:
      mean: {training: {labels: mean_force}, reference: {n_mean_forces: 50}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "toy.yaml").write_text(_SYSTEM)
    (tmp_path / "judge.yaml").write_text(f"seed: 99\n{_SYSTEM}")
    (tmp_path / "copy.yaml").write_text(_SYSTEM)
    (tmp_path / "warm.yaml").write_text(f"seed: 99\n{_SYSTEM}".replace("sequence", "temperature_K: 310\n  sequence"))
    (tmp_path / "whole.yaml").write_text(_SHARED)
    (tmp_path / "files.yaml").write_text(_FILES)
    (tmp_path / "study.yaml").write_text(_STUDY)
    return tmp_path


@pytest.fixture
def load(folder):
    return lambda: load_study(load_project({"systems": []}), "study", folder=folder, systems=folder)


def test_every_point_has_every_seed_and_shares_its_data(load):
    study = load()
    assert len(study.points) == 8
    assert set(study.systems) == {"studies/study/seed1", "studies/study/seed2"} | {p.system for p in study.points}
    system = study.systems["studies/study/frames=1000/seed2"]
    assert (system.seed, system.judged_by, system.training.n_epochs) == (2, "judge", 3)
    assert (system.reference.kind, system.reference.system) == ("shared", "studies/study/seed2")
    assert (system.reference.n_frames, system.reference.temperature_K) == (1000, 300.0)
    assert study.systems["studies/study/seed2"].seed == 2


def test_the_frames_of_every_seed_are_judged_too(load):
    study = load()
    own = [point for point in study.points if point.own_data]
    assert [(point.system, point.seed) for point in own] == [("studies/study/seed1", 1), ("studies/study/seed2", 2)]
    assert all(study.systems[point.system].judged_by == "judge" for point in own)


def test_frames_that_a_markov_model_weights_are_not_judged(folder, load):
    for name in ("toy", "judge"):
        path = folder / f"{name}.yaml"
        path.write_text(path.read_text() + "analysis: {markov: {lag_ps: 2, model_lag_ps: 2}}\n")
    assert [point for point in load().points if point.own_data] == []
    for name in ("toy", "judge"):
        path = folder / f"{name}.yaml"
        path.write_text(path.read_text().replace("model_lag_ps: 2", "model_lag_ps: 2, reweight: false"))
    assert len([point for point in load().points if point.own_data]) == 2


def test_the_atomistic_time_is_what_the_labels_took(load):
    costs = {point.system.split("/")[-2]: point.atomistic_ns for point in load().points if point.seed == 1}
    build = 2 * 0.55 + 2 * 0.05  # walkers; equilibration of the trajectories
    assert costs == pytest.approx(
        {
            "frames=1000": build + 0.2,
            "frames=10000": build + 2.0,
            "labels=mean": build + 2.0 + 0.15,
            "study": build + 2.0,  # the frames themselves
        }
    )


def test_replica_exchange_counts_with_all_its_temperatures(load, folder):
    before = [point.atomistic_ns for point in load().points]
    exchange = "starts: [exchanged]\n  exchange: {temperatures_K: [400, 500], length_ns: 0.3}\n  sequence"
    (folder / "toy.yaml").write_text(_SYSTEM.replace("sequence", exchange))
    assert [point.atomistic_ns for point in load().points] == pytest.approx([ns + 3 * 0.35 for ns in before])


def _changed(folder, old, new):
    path = folder / "study.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("seeds: [1, 2]", "seeds: []", "seeds"),
        ("seeds: [1, 2]", "seeds: [1, 1]", "must differ"),
        ("n_frames: 1000}", "n_frames: 10001}", "n_frames is 10001, but the shared reference has 10000"),
        ("n_mean_forces: 50", "n_mean_forces: 101", "n_mean_forces is 101"),
        ("base: toy", "base: nothing", "no file"),
        ("n_frames: 1000", "frames: 1000", "unknown key"),
        ("labels: mean_force", "labels: best", "labels"),
        ("  frames:", "  a/b:", "pattern"),
    ],
)
def test_a_wrong_study_is_refused(load, folder, old, new, complaint):
    _changed(folder, old, new)
    with pytest.raises(ConfigError, match=complaint):
        load()


def test_an_axis_is_told_from_its_values(load, folder):
    _changed(folder, "  labels:\n", "  frames=1000:\n")
    with pytest.raises(ConfigError, match="pattern"):
        load()


def _project(folder, text):
    (folder / "other.yaml").write_text(text)
    return load_systems(load_project({"systems": ["other"]}), folder=folder)


def test_systems_that_are_named_come_along(folder):
    systems = _project(
        folder,
        "reference: {kind: shared, system: toy, temperature_K: 300}\njudged_by: judge\n"
        "mapping: {beads: [ALA2:N, ALA2:CA]}\ntraining: {labels: both}",
    )
    assert set(systems) == {"other", "toy", "judge"}


def test_hot_starts_count_in_the_atomistic_time(load, folder):
    before = [point.atomistic_ns for point in load().points]
    (folder / "toy.yaml").write_text(_SYSTEM.replace("sequence", "starts: [native, heated]\n  sequence"))
    # One trajectory and one walker of two, 0.3 ns each.
    assert [point.atomistic_ns for point in load().points] == pytest.approx([ns + 0.6 for ns in before])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("reference: {kind: shared, system: toy, temperature_K: 300}\nmapping: {beads: ca}", "the same `mapping`"),
        ("reference: {kind: openmm, sequence: ACE ALA NME}\ntraining: {labels: both}", "makes no mean forces"),
        ("reference: {kind: shared, system: other, temperature_K: 300}", "of kind openmm"),
        (_SHARED.replace("300", "350"), "temperature"),
        (_SHARED.replace("300}", "300, n_frames: 1}"), "which 2 files cannot share"),
        (_SHARED.replace("300}", "300, n_mean_forces: 1}"), "which 2 files cannot share"),
        (_SYSTEM.replace("n_configurations: 100", "n_configurations: 1"), "2 jobs cannot share 1"),
        (f"judged_by: judge\nanalysis: {{n_bins: 30}}\n{_SHARED}", "whose `analysis` differs"),
        (f"judged_by: toy\n{_SHARED}", "a `seed` of its own"),
        (f"judged_by: copy\n{_SHARED}", "a `seed` of its own"),
        (f"judged_by: whole\n{_SHARED}", "a `seed` of its own"),
        (f"seed: 5\ntrain_on: [toy]\njudged_by: copy\n{_SYSTEM}", "a `seed` of its own"),
        (f"judged_by: files\n{_FILES}", "or other files"),
        (f"{_SHARED}\ntraining: {{labels: both}}".replace("300}", "300, n_frames: 9}"), "leave n_frames out"),
        (f"judged_by: warm\n{_SHARED}", "whose temperature differs"),
    ],
)
def test_systems_that_do_not_fit_are_refused(folder, text, complaint):
    with pytest.raises(ConfigError, match=complaint):
        _project(folder, text)


def test_a_solvent_and_mean_forces_exclude_each_other(folder):
    with pytest.raises(ConfigError, match="no water"):
        _project(folder, _SYSTEM.replace("  sequence", "  solvent: {}\n  sequence"))


def test_systems_of_systems_come_along(folder):
    (folder / "middle.yaml").write_text(_SHARED)
    systems = _project(folder, f"train_on: [middle]\n{_SYSTEM}")
    assert {"other", "middle", "toy"} == set(systems)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("simulation: {tempering: {temperatures_K: [400, 350]}}", "must rise from the system's 300 K"),
        ("simulation: {tempering: {temperatures_K: [290]}}", "must rise"),
    ],
)
def test_tempering_that_cannot_be_is_refused(folder, text, complaint):
    with pytest.raises(ConfigError, match=complaint):
        _project(folder, f"{_SYSTEM}\n{text}")
