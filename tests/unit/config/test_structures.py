"""What a system downloads, and under which names."""

from pathlib import Path

import pytest

from cgpipe.config.project import complete
from cgpipe.config.sections import SystemConfig
from cgpipe.config.structures import downloads, native_structure, structure_file, structure_url
from cgpipe.errors import ConfigError

_CALPHA = {
    "kind": "published",
    "layout": "htmd_calpha",
    "files": {role: f"http://host/data/{role}.npy" for role in ("coordinates", "forces", "embeddings")},
    "sequence": "GGGGG",
    "temperature_K": 350,
    "frame_interval_ps": 100,
}
_MARKOV = {"lag_ps": 10, "model_lag_ps": 1}


def _system(reference, **analysis):
    return complete(SystemConfig, {"reference": reference, "analysis": analysis}, "x.yaml")


@pytest.mark.parametrize(
    ("structure", "url"),
    [
        ("5AWL", "https://files.rcsb.org/download/5AWL.pdb"),
        ("5awl", "https://files.rcsb.org/download/5AWL.pdb"),
        ("ftp://host/a.pdb", "ftp://host/a.pdb"),
        ("structures/5awl.pdb", None),
        ("ABCD", None),
        ("5AWLX", None),
    ],
)
def test_identifiers_addresses_and_paths_are_told_apart(structure, url):
    assert structure_url(structure) == url


def test_a_path_is_where_it_is_and_an_identifier_among_the_downloads():
    assert structure_file("a/b.pdb", downloaded=Path("d")) == Path("a/b.pdb")
    assert structure_file("5awl", downloaded=Path("d")) == Path("d/5AWL.pdb")


def test_data_and_native_structure_are_downloaded():
    found = downloads(_system({**_CALPHA, "sha256": {"forces": "0" * 64}}, native="5AWL"))
    assert set(found) == {"coordinates.npy", "forces.npy", "embeddings.npy", "5AWL.pdb"}
    assert found["forces.npy"].sha256 == "0" * 64
    assert found["coordinates.npy"].sha256 is None
    assert found["5AWL.pdb"].max_GB < 1 < found["coordinates.npy"].max_GB


def test_a_simulated_protein_is_judged_by_the_structure_it_starts_from():
    reference = {"kind": "openmm", "structure": "2JOF"}
    assert native_structure(_system(reference, markov=_MARKOV)) == "2JOF"
    assert native_structure(_system(reference, markov=_MARKOV, native="own.pdb")) == "own.pdb"
    assert native_structure(_system({"kind": "openmm", "sequence": "ACE ALA NME"})) is None
    assert set(downloads(_system(reference, markov=_MARKOV))) == {"2JOF.pdb"}


def test_two_files_of_one_name_are_refused():
    files = {**_CALPHA["files"], "forces": "http://host/other/coordinates.npy"}
    with pytest.raises(ConfigError, match=r"would both become the file coordinates\.npy"):
        downloads(_system({**_CALPHA, "files": files}))


def test_an_address_without_a_file_is_refused():
    with pytest.raises(ConfigError, match="http://host/ names no file"):
        downloads(_system({**_CALPHA, "files": {**_CALPHA["files"], "forces": "http://host/"}}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"files": {"coordinates": "http://h/a"}},
            "layout htmd_calpha needs `files` for coordinates, embeddings, forces",
        ),
        ({"sequence": None}, "`sequence` belongs to layout htmd_calpha, and is needed there"),
        ({"sha256": {"topology": "0" * 64}}, r"`sha256` names \['topology'\], which `files` does not"),
        ({"sha256": {"forces": "abc"}}, "reference.sha256.forces"),
        ({"temperature": 3}, "unknown key `reference.temperature`; known here: kind, layout, files"),
    ],
)
def test_an_incomplete_data_set_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        _system({**_CALPHA, **change})


@pytest.mark.parametrize("name", ["forces", "weights"])
def test_own_files_must_be_as_many_as_trajectories(name):
    reference = {"kind": "files", "topology": "a.pdb", "trajectories": ["a.npy", "b.npy"], name: ["c.npy"]}
    reference |= {"temperature_K": 300, "frame_interval_ps": 1}
    with pytest.raises(ConfigError, match=f"`{name}` names 1 files for 2 trajectories"):
        _system(reference)


def test_an_extended_start_in_water_is_refused():
    reference = {"kind": "openmm", "structure": "2JOF", "solvent": {}, "starts": ["native", "extended"]}
    with pytest.raises(ConfigError, match="an extended chain needs a box of its own"):
        _system(reference)


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[3].glob("config/systems/*.yaml")), ids=lambda p: p.stem)
def test_every_system_of_the_project_is_short_and_complete(path):
    from cgpipe.config.project import load_project, load_system  # noqa: PLC0415

    system = load_system(load_project({"systems": [path.stem]}), path.stem, folder=path.parent)
    downloads(system)
    assert len(path.read_text().splitlines()) <= 40
