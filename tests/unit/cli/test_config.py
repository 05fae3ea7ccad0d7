"""`cgpipe config`."""

import json

import pytest
import yaml

from cgpipe.config.sections import SystemConfig


@pytest.fixture
def toy(project):
    systems = project / "config" / "systems"
    systems.mkdir(parents=True)
    (project / "config" / "config.yaml").write_text("systems: [toy]\n")
    (project / "full.yaml").write_text("systems: [toy]\noverrides: {toy: {training: {n_epochs: 77}}}\n")
    (systems / "toy.yaml").write_text("reference: {kind: openmm, sequence: ACE ALA NME}\nmapping: {beads: ca_cb}\n")


def _all_keys(content):
    for key, value in content.items():
        yield key
        if isinstance(value, dict):
            yield from _all_keys(value)


@pytest.mark.usefixtures("toy")
def test_show_prints_every_default(cgpipe):
    status, out, _ = cgpipe("config", "show", "toy")
    assert status == 0
    content = yaml.safe_load(out)
    assert set(content) == set(SystemConfig.model_fields)
    assert {"timestep_fs", "learning_rate", "n_bootstrap", "cutoff_nm", "min_separation"} <= set(_all_keys(content))


@pytest.mark.usefixtures("toy")
def test_show_lays_the_overrides_over_it(cgpipe):
    assert yaml.safe_load(cgpipe("config", "show", "toy", "--project", "full.yaml")[1])["training"]["n_epochs"] == 77


@pytest.mark.usefixtures("toy")
def test_what_is_shown_is_a_config(cgpipe, project):
    (project / "config" / "systems" / "copy.yaml").write_text(cgpipe("config", "show", "toy")[1])
    assert cgpipe("config", "show", "copy")[1] == cgpipe("config", "show", "toy")[1]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(("system", "complaint"), [([], "needs the name"), (["other"], "there is no file")])
def test_a_system_is_needed(cgpipe, system, complaint):
    status, _, error = cgpipe("config", "show", *system)
    assert status == 1
    assert complaint in error


def test_schema_is_json(cgpipe):
    assert json.loads(cgpipe("config", "schema")[1]) == SystemConfig.model_json_schema()
