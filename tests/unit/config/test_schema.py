"""The exported schema: in step with the sections, and accepting what they accept."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from cgpipe.config.sections import SystemConfig

_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def schema():
    return json.loads((_ROOT / "config" / "schema.json").read_text())


def test_schema_is_in_step(schema):
    assert schema == SystemConfig.model_json_schema(), "run `cgpipe config schema > config/schema.json`"


@pytest.mark.parametrize("path", sorted((_ROOT / "config" / "systems").glob("*.yaml")), ids=lambda path: path.stem)
def test_schema_accepts_every_system(schema, path):
    jsonschema.validate(yaml.safe_load(path.read_text()), schema)


def test_schema_refuses_an_unknown_key(schema):
    content = yaml.safe_load((_ROOT / "config" / "systems" / "ala2.yaml").read_text())
    content["training"]["learning_rates"] = 1
    with pytest.raises(jsonschema.ValidationError, match="learning_rates"):
        jsonschema.validate(content, schema)


def test_every_section_is_described(schema):
    """An editor shows the description beside the keys."""
    assert [name for name, section in schema["$defs"].items() if not section.get("description")] == []
