"""Whatever stands in a configuration file gives a section or a ConfigError, and a section survives its own text."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgpipe.config.project import complete, load_project, parse_section, plain, section_argument
from cgpipe.config.sections import NetworkSection, SimulationSection, SystemConfig, TrainingSection
from cgpipe.errors import ConfigError

_MORE = {"kind", "sequence", "systems", "markov", "bias"}
_KEYS = sorted(set(SystemConfig.model_fields) | set(SimulationSection.model_fields) | _MORE)
_WORDS = st.text(max_size=8) | st.sampled_from(["openmm", "files"])
_FLOATS = st.floats(allow_subnormal=False)  # other tests switch them off, as training does
_LEAVES = st.none() | st.booleans() | st.integers() | _FLOATS | _WORDS


def _nested(inner):
    keys = st.sampled_from(_KEYS) | st.text(max_size=5)
    return st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5)


_VALUES = st.recursive(_LEAVES, _nested, max_leaves=12)
_MAPPINGS = st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=6)


_SECTIONS = st.builds(
    TrainingSection,
    batch_size=st.integers(1, 10**6),
    learning_rate=st.floats(1e-9, 1e3, allow_subnormal=False),
    patience=st.integers(1, 99),
)


def _complaint(make):
    """Text of the ConfigError that a call raises, or nothing where it succeeds."""
    try:
        make()
    except ConfigError as error:
        return str(error)
    return ""


@settings(max_examples=300, deadline=None)
@given(_MAPPINGS)
def test_any_mapping_is_a_system_or_an_error_that_names_the_source(values):
    system = _complaint(lambda: complete(SystemConfig, values, source="here.yaml"))
    project = _complaint(lambda: load_project(values, source="here.yaml"))
    assert all(text.startswith("here.yaml: ") for text in (system, project) if text)
    assert system, "no random mapping is a whole system"


@settings(max_examples=200, deadline=None)
@given(_SECTIONS)
def test_a_section_survives_the_command_line(section):
    assert parse_section(TrainingSection, section_argument(section)) == section


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**4), st.integers(4, 10**3))
def test_equal_values_make_equal_text(n_features, n_radial):
    whole = {"n_features": n_features, "n_radial": n_radial, "cutoff_nm": 1}
    real = {"cutoff_nm": 1.0, "n_radial": n_radial, "n_features": n_features}
    texts = {section_argument(complete(NetworkSection, values, source="x")) for values in (whole, real)}
    assert len(texts) == 1
    assert json.loads(texts.pop()) == plain(complete(NetworkSection, whole, source="x"))


def test_a_section_that_is_neither_json_nor_a_file_is_told_in_short():
    with pytest.raises(ConfigError, match="there is no file") as caught:
        parse_section(TrainingSection, '"batch_size": 3' + "A" * 5000)
    assert len(str(caught.value)) < 400
