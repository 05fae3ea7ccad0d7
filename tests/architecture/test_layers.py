"""The floors of the package: a file imports only what lies below it."""

import pytest

_FLOORS = (
    ("cli",),
    ("figures",),
    ("training", "simulation", "analysis"),
    ("model",),
    ("prior",),
    ("mapping", "reference", "download", "potential"),
    ("data",),
    ("geometry",),
)
"""Top to bottom; neighbours on one floor never import one another."""
_BASE = ("", "units", "errors", "config", "seeding", "provenance", "progress")
"""The bottom, whose members may import one another; the empty name is the package itself (its version)."""
_WITHOUT_TORCH = (*_BASE, "data", "mapping", "download", "figures")
_FIGURES_MAY_IMPORT = ("cgpipe.data.files", "cgpipe.units", "cgpipe.figures")
_MAX_IMPORTS = 7
_MAY_IMPORT_MORE = {
    "cgpipe/training/loop.py": "the one page on which a training's parts meet",
    "cgpipe/simulation/run.py": "the one page on which a simulation's parts meet",
}


def _floor(part):
    if part in _BASE:
        return len(_FLOORS)
    return next(number for number, parts in enumerate(_FLOORS) if part in parts)


def _may_import(importer, imported):
    if importer == imported:
        return True
    if importer in _BASE:
        return imported in _BASE
    return _floor(imported) > _floor(importer)


def _part(module):
    return f"{module}.".split(".")[1]


def test_every_file_stands_on_a_floor(sources):
    known = {*_BASE, *(part for floor in _FLOORS for part in floor)}
    assert not {source.part for source in sources} - known, "give the new part a floor in style.md and here"


def test_a_file_imports_only_lower_floors(source):
    wrong = [name for name in source.own_imports if not _may_import(source.part, _part(name))]
    assert not wrong, f"{source.path} stands on floor {_floor(source.part)} and imports {sorted(wrong)}"


def test_torch_begins_above_the_records(source):
    if source.part in _WITHOUT_TORCH:
        assert "torch" not in {name.split(".")[0] for name in source.imports}


def test_figures_compute_nothing(source):
    if source.part == "figures":
        wrong = [name for name in source.own_imports if not name.startswith(_FIGURES_MAY_IMPORT)]
        assert not wrong, f"{source.path} may read result records only"


def test_a_file_leans_on_few_others(source):
    if source.part == "cli" or str(source.path) in _MAY_IMPORT_MORE:
        return
    count = len(source.own_imports)
    assert count <= _MAX_IMPORTS, f"{source.path} imports {count} of our modules: {sorted(source.own_imports)}"


@pytest.mark.parametrize("path", _MAY_IMPORT_MORE)
def test_exemptions_are_needed(sources, path):
    exempt = next(source for source in sources if str(source.path) == path)
    assert len(exempt.own_imports) > _MAX_IMPORTS, "take it off the list"


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("cli", "training", True),
        ("training", "potential", True),
        ("training", "simulation", False),
        ("prior", "model", False),
        ("mapping", "reference", False),
        ("data", "geometry", True),
        ("geometry", "data", False),
        ("config", "errors", True),
        ("errors", "data", False),
    ],
)
def test_the_rule_itself(importer, imported, allowed):
    assert _may_import(importer, imported) is allowed
