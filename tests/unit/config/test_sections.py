"""What the sections refuse, and that their texts say what to write instead."""

import math

import pytest

from cgpipe.config.bias import BiasSection
from cgpipe.config.project import complete, parse_section, plain, section_argument
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.config.sections import SimulationSection, SplitSection, SystemConfig
from cgpipe.errors import ConfigError

_REFERENCE = {"kind": "openmm", "sequence": "ACE ALA NME"}
_TORSION = ["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:C"]
_SYSTEM = {"reference": _REFERENCE, "mapping": {"beads": ["ALA2:N", "ALA2:CA"]}}


def _system(**sections):
    return complete(SystemConfig, {**_SYSTEM, **sections}, source="toy.yaml")


@pytest.mark.parametrize(
    ("sections", "key", "known"),
    [
        ({"trainings": {}}, "trainings", "training"),
        ({"training": {"learning_rates": 1}}, "training.learning_rates", "learning_rate"),
        ({"reference": {**_REFERENCE, "temperature": 300}}, "reference.*temperature", "temperature_K"),
        (
            {"reference": {**_REFERENCE, "bias": {"torsions": [_TORSION], "hill_width": 3}}},
            "bias.hill_width",
            "hill_width_deg",
        ),
    ],
)
def test_an_unknown_key_is_refused_and_the_known_ones_are_listed(sections, key, known):
    with pytest.raises(ConfigError, match=rf"toy\.yaml: unknown key `.*{key}`; known here: .*{known}"):
        _system(**sections)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("reference", "temperature_K", 0),
        ("reference", "temperature_K", -300),
        ("reference", "timestep_fs", 0),
        ("reference", "n_trajectories", 0),
        ("reference", "platform", "gpu"),
        ("reference", "temperature_K", "300 K"),
    ],
)
def test_impossible_values_are_refused(section, key, value):
    with pytest.raises(ConfigError, match=key):
        _system(**{section: {**_SYSTEM[section], key: value}})


@pytest.mark.parametrize("label", ["ALA:CA", "ALA2", "ALA2-CA", "2:CA", ""])
def test_a_malformed_atom_name_is_refused(label):
    with pytest.raises(ConfigError, match="mapping"):
        _system(reference={**_REFERENCE, "bias": {"torsions": [[label, *_TORSION[1:]]]}}, mapping={"beads": [label]})


@pytest.mark.parametrize("source", [{}, {"sequence": "ACE ALA NME", "structure": "a.pdb"}])
def test_exactly_one_source_of_structure(source):
    with pytest.raises(ConfigError, match="exactly one of `sequence` and `structure`"):
        _system(reference={"kind": "openmm", **source})


@pytest.mark.parametrize("given", [{}, {"torsions": [_TORSION], "rmsd": {}}, {"contacts": {}, "tics": {"system": "a"}}])
def test_a_bias_is_on_exactly_one_kind_of_variable(given):
    with pytest.raises(ConfigError, match="exactly one of `torsions`, `contacts`, `rmsd` and `tics`; given: "):
        complete(BiasSection, given, source="toy.yaml")


@pytest.mark.parametrize(
    ("given", "width"),
    [
        ({"torsions": [_TORSION], "hill_width_deg": 90}, math.pi / 2),
        ({"contacts": {"hill_width": 0.1}}, 0.1),
        ({"rmsd": {"hill_width_nm": 0.02}}, 0.02),
        ({"tics": {"system": "a", "hill_width": 0.3}}, 0.3),
    ],
)
def test_a_hill_has_the_width_of_its_variable(given, width):
    assert complete(BiasSection, given, source="toy.yaml").hill_width == pytest.approx(width)


@pytest.mark.parametrize("given", [{"torsions": [_TORSION, _TORSION]}, {"tics": {"system": "a", "n_tics": 2}}])
def test_windows_stand_along_one_variable(given):
    with pytest.raises(ConfigError, match="`windows` stand along one variable; 2 are given"):
        complete(BiasSection, {**given, "windows": {}}, source="toy.yaml")


def test_windows_take_no_keys_of_metadynamics():
    with pytest.raises(ConfigError, match="build_length_ns, n_walkers would do nothing; leave them out"):
        complete(
            BiasSection,
            {"rmsd": {}, "windows": {}, "n_walkers": 4, "build_length_ns": 9, "bias_factor": 10},
            source="a",
        )


def test_every_window_gets_all_kinds_of_starts():
    bias = {"torsions": [_TORSION], "windows": {"n_windows": 2}}
    reference = _system(
        reference={**_REFERENCE, "starts": ["native", "heated"], "n_trajectories": 8, "bias": bias}
    ).reference
    starts = [[reference.start_of(k) for k in range(8) if k % 2 == window] for window in (0, 1)]
    assert starts == [["native", "heated"] * 2] * 2


@pytest.mark.parametrize("variable", ["contacts", "rmsd"])
def test_what_is_measured_from_a_native_structure_needs_one(variable):
    with pytest.raises(ConfigError, match="give `structure` instead of `sequence`"):
        _system(reference={**_REFERENCE, "bias": {variable: {}}})


@pytest.mark.parametrize("improve", [{"n_configurations": 1, "n_jobs": 2}, {"length_ps": 0}])
def test_rounds_that_cannot_average_are_refused(improve):
    with pytest.raises(ConfigError, match="improve"):
        _system(improve=improve)


def test_more_jobs_than_replicas_are_refused():
    with pytest.raises(ConfigError, match="2 jobs cannot share 1 replicas"):
        _system(simulation={"n_replicas": 1})


def test_trajectories_are_dealt_evenly_to_windows():
    bias = {"torsions": [_TORSION], "windows": {"n_windows": 12}}
    with pytest.raises(ConfigError, match="4 trajectories cannot be dealt evenly to 12 windows"):
        _system(reference={**_REFERENCE, "bias": bias})
    assert _system(reference={**_REFERENCE, "bias": bias, "n_trajectories": 24}).reference.bias.n_biases == 12


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (OpenMMReferenceSection, {**_REFERENCE, "timestep_fs": 4, "frame_interval_ps": 0.25}),
        (OpenMMReferenceSection, {**_REFERENCE, "timestep_fs": 4, "frame_interval_ps": 0.001}),
        (SimulationSection, {"timestep_fs": 3, "frame_interval_ps": 0.2}),
        (
            OpenMMReferenceSection,
            {**_REFERENCE, "timestep_fs": 3, "frame_interval_ps": 0.3, "bias": {"torsions": [_TORSION]}},
        ),
    ],
)
def test_intervals_are_whole_timesteps(section, values):
    with pytest.raises(ConfigError, match=r"expected a whole number; write [0-9.]+"):
        complete(section, values, source="toy.yaml")


def test_the_proposed_interval_is_accepted():
    with pytest.raises(ConfigError, match=r"write 0\.248"):
        complete(OpenMMReferenceSection, {**_REFERENCE, "frame_interval_ps": 0.25}, source="toy.yaml")
    assert complete(OpenMMReferenceSection, {**_REFERENCE, "frame_interval_ps": 0.248}, source="toy.yaml")


def test_a_section_is_frozen():
    section = SplitSection()
    with pytest.raises(ValueError, match="frozen"):
        section.n_folds = 3


def test_equal_values_give_equal_arguments():
    """Snakemake compares the text: 290 and 290.0 must not rerun anything."""
    texts = {section_argument(OpenMMReferenceSection(**_REFERENCE, temperature_K=value)) for value in (290, 290.0)}
    assert len(texts) == 1


def test_an_argument_comes_back_as_the_section():
    section = OpenMMReferenceSection(**_REFERENCE, temperature_K=310, bias={"torsions": [_TORSION]})
    assert parse_section(OpenMMReferenceSection, section_argument(section)) == section


def test_a_complete_section_holds_every_default():
    assert set(plain(SimulationSection())) == set(SimulationSection.model_fields)
