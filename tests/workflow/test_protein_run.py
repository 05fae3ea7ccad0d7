"""A protein through the whole chain, and the same data through the layout of a published archive."""

import csv
import functools
import io
import json
import shutil
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import numpy as np
import pytest

from cgpipe.data.h5md import H5mdFile

_HOST = "http://ftp.mi.fu-berlin.de/pub/cmb-data"
_FILES = {
    "coordinates": f"{_HOST}/chignolin_trajectories/chignolin_coords_nowater.tar.gz",
    "forces": f"{_HOST}/chignolin_trajectories/chignolin_forces_nowater.tar.gz",
    "topology": f"{_HOST}/chignolin_trajectories/chignolin_generators.tar.gz",
}
_ANGSTROM, _KCAL = 0.1, 4.184


def test_every_protein_result_is_there(protein):
    results = protein.folder / "results" / "toy"
    listed = [metric["metric"] for metric in json.loads((results / "comparison.json").read_text())]
    assert (listed[0], listed[-2]) == ("js_tic1_tic2[tica]", "js_bonds"), "rounds and studies go by the first"
    names = set(listed)
    expected = {"js_tic1_tic2[tica]", "js_rmsd", "js_native_contacts", "js_pair_distances", "contact_probability_rmse"}
    assert expected | {"folding_free_energy_difference", "population_model_state1", "speed_up"} <= names
    figures = {path.stem for path in (results / "figures").iterdir()}
    assert {
        "structures",
        "timescales",
        "uncertainty",
        "chapman_kolmogorov",
        "transitions",
        "contacts",
        "coordinates",
    } <= figures
    with (protein.folder / "results" / "summary.csv").open() as file:
        assert {row["system"] for row in csv.DictReader(file)} == {"toy"}


def test_the_paper_has_a_page_of_all_figures(protein):
    protein.run("paper")
    page = (protein.folder / "results" / "index.html").read_text()
    figures = sorted((protein.folder / "results" / "toy" / "figures").glob("*"))
    assert len(figures) == 32
    assert all(f'"toy/figures/{path.name}"' in page for path in figures)
    assert "js_tic1_tic2[tica]" in page
    assert "http" not in page, "it needs no network"


def test_only_exchanged_trajectories_start_from_the_exchange(protein):
    reference = protein.folder / "results" / "toy" / "reference"
    for number, start in enumerate(("native", "heated", "exchanged", "native")):
        with H5mdFile(reference / f"trajectory{number}.h5md") as file:
            inputs = file.provenance["inputs"]
        assert ("exchange.h5" in json.dumps(inputs)) == (start == "exchanged"), number
    assert "360 K: acceptance" in (protein.folder / "results" / "toy" / "logs" / "exchange.log").read_text()


def test_second_run_of_a_protein_does_nothing(protein):
    result = protein.snakemake("-n")
    assert "Nothing to be done" in result.stdout + result.stderr


def _add(archive, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _publish(protein, folder):
    """Archives of exactly the published names and layouts, in angstrom and kcal/mol/angstrom."""
    folder.mkdir(parents=True)
    reference = protein.folder / "results" / "toy" / "reference"
    with (
        tarfile.open(folder / "chignolin_coords_nowater.tar.gz", "w:gz") as coordinates,
        tarfile.open(folder / "chignolin_forces_nowater.tar.gz", "w:gz") as forces,
        tarfile.open(folder / "chignolin_generators.tar.gz", "w:gz") as generators,
    ):
        _add(generators, "chignolin_50ns_0/structure.pdb", (reference / "system.pdb").read_bytes())
        for number in range(4):
            with H5mdFile(reference / f"trajectory{number}.h5md") as file:
                frames = file.frames()
            positions = frames.positions.astype(np.float64) / _ANGSTROM
            _add(coordinates, f"coords_nowater/chig_coor_{number}.npy", _npy(positions))
            values = frames.forces.astype(np.float64) * _ANGSTROM / _KCAL
            _add(forces, f"forces_nowater/chig_force_{number}.npy", _npy(values))


def _assert_same_beads(project, protein):
    """The joined beads of a converted reference are those of the protein's trajectories, to the last bit."""
    with h5py.File(project.folder / "results" / "toy" / "beads" / "trajectory0.h5md") as file:
        assert file["cgpipe/lengths"][:].tolist() == [300] * 4
        joined = [file[f"particles/trajectory/{name}/value"][:] for name in ("position", "force")]
    for number in range(4):
        with h5py.File(protein.folder / "results" / "toy" / "beads" / f"trajectory{number}.h5md") as file:
            for name, values in zip(("position", "force"), joined, strict=True):
                direct = file[f"particles/trajectory/{name}/value"][:]
                assert np.array_equal(direct, values[300 * number : 300 * (number + 1)]), f"{name} of {number}"


@pytest.fixture
def mirror(protein, tmp_path):
    """Address of a loopback server that holds the archives under the paths of their host."""
    _publish(protein, tmp_path / "mirror" / "chignolin_trajectories")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "mirror"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_published_layout_gives_the_same_beads_bit_by_bit(protein, mirror, tmp_path):
    system = protein.read("config/systems/toy.yaml")
    published = {
        "kind": "published",
        "layout": "fu_berlin_archives",
        "files": _FILES,
        "topology_member": "chignolin_50ns_0/structure.pdb",
        "temperature_K": 300,
        "frame_interval_ps": 0.04,
    }
    project = type(protein)(tmp_path / "published", {**system, "reference": published})
    project.write("config/config.yaml", {"systems": ["toy"], "seed": 7, "mirror": {_HOST: mirror}})
    project.run("results/toy/beads/trajectory0.h5md")
    lock = json.loads((project.folder / "config" / "downloads.lock").read_text())
    assert set(lock) == set(_FILES.values())
    _assert_same_beads(project, protein)


def test_own_files_give_the_same_beads_bit_by_bit(protein, tmp_path):
    """The trajectories as npz in other units, one file each, with the PDB file that the user has."""
    system = protein.read("config/systems/toy.yaml")
    files = {"kind": "files", "topology": "own.pdb", "trajectories": [f"own{number}.npz" for number in range(4)]}
    files |= {"length_unit": "angstrom", "force_unit": "kcal/mol/angstrom", "temperature_K": 300}
    project = type(protein)(tmp_path / "own", {**system, "reference": {**files, "frame_interval_ps": 0.04}})
    reference = protein.folder / "results" / "toy" / "reference"
    shutil.copy(reference / "system.pdb", project.folder / "own.pdb")
    for number in range(4):
        with H5mdFile(reference / f"trajectory{number}.h5md") as file:
            frames = file.frames()
        positions, forces = (values.astype(np.float64) for values in (frames.positions, frames.forces))
        np.savez(
            project.folder / f"own{number}.npz", positions=positions / _ANGSTROM, forces=forces * _ANGSTROM / _KCAL
        )
    project.run("results/toy/beads/trajectory0.h5md")
    _assert_same_beads(project, protein)


def test_an_archive_that_leaves_its_folder_is_refused(protein, mirror, tmp_path):
    evil = tmp_path / "mirror" / "chignolin_trajectories" / "chignolin_forces_nowater.tar.gz"
    with tarfile.open(evil, "w:gz") as archive:
        _add(archive, "../../chig_force_0.npy", b"x")
    system = protein.read("config/systems/toy.yaml")
    published = {"kind": "published", "layout": "fu_berlin_archives", "files": _FILES, "temperature_K": 300}
    published |= {"topology_member": "chignolin_50ns_0/structure.pdb", "frame_interval_ps": 0.04}
    project = type(protein)(tmp_path / "published", {**system, "reference": published})
    project.write("config/config.yaml", {"systems": ["toy"], "mirror": {_HOST: mirror}})
    result = project.snakemake("results/toy/reference/trajectory0.h5md")
    assert result.returncode != 0
    assert "../../chig_force_0.npy" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert not [path for path in (project.folder / "results" / "toy" / "reference").glob("*") if path.is_file()]


def test_a_force_field_is_carried_over_to_another_protein(protein, tmp_path):
    """The network and the prior see the toy alone; the other protein only starts the simulation and judges it."""
    project = type(protein).__new__(type(protein))
    project.folder = tmp_path / "transfer"
    shutil.copytree(protein.folder, project.folder)
    toy = project.read("config/systems/toy.yaml")
    reference = {
        **toy["reference"],
        "sequence": "ACE GLY ALA SER ALA ALA NME",
        "n_trajectories": 2,
        "starts": ["native"],
        "exchange": None,
    }
    other = {**toy, "train_on": ["toy"], "reference": reference}
    other["analysis"] = {key: value for key, value in toy["analysis"].items() if key != "native"}
    project.write("config/systems/other.yaml", other)
    project.write("config/config.yaml", {"systems": ["other"], "seed": 7})
    assert project.planned("results/other/comparison.json").get("transfer") == 1
    project.run("results/other/comparison.json")
    results = project.folder / "results" / "other"
    listed = [metric["metric"] for metric in json.loads((results / "comparison.json").read_text())]
    assert (listed[0], listed[-2]) == ("js_tic1_tic2[tica]", "js_bonds"), "rounds and studies go by the first"
    names = set(listed)
    assert "js_pair_distances" in names
    bonds, source = (
        json.loads((project.folder / "results" / name / "prior" / "prior.json").read_text())["parameters"]["bonds"]
        for name in ("other", "toy")
    )
    # ALA-SER is the second bond here and the fourth, the only one of its kind, in the toy
    assert bonds[1]["centre"] == source[3]["centre"]
    assert len(bonds) == 4
