"""Records of origin: complete, independent of time and place, and sensitive to content."""

import hashlib

import pytest

from cgpipe.provenance import fingerprint, provenance, sha256


@pytest.fixture
def beads(tmp_path):
    path = tmp_path / "beads" / "b0.h5md"
    path.parent.mkdir()
    path.write_bytes(b"frames" * 500_000)
    return path


def test_the_digest_is_that_of_the_content(beads):
    assert sha256(beads) == hashlib.sha256(beads.read_bytes()).hexdigest()


def test_a_record_names_its_inputs_without_their_place(beads, tmp_path):
    record = provenance("prior", {"a": 1}, seed=3, inputs=[beads])
    assert list(record["inputs"]) == ["beads/b0.h5md"]
    assert str(tmp_path) not in str(record)


def test_a_record_names_the_versions():
    versions = provenance("prior", {}, seed=3)["versions"]
    assert {"cgpipe", "python", "openmm", "torch", "numpy"} <= set(versions)
    assert "absent" not in versions.values()


def test_equal_runs_have_equal_fingerprints(beads):
    first, second = (fingerprint(provenance("prior", {"a": 1}, seed=3, inputs=[beads])) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("change", ["content", "settings", "seed", "stage"])
def test_any_change_changes_the_fingerprint(beads, change):
    before = fingerprint(provenance("prior", {"a": 1}, seed=3, inputs=[beads]))
    if change == "content":
        beads.write_bytes(b"other")
    stage = "train" if change == "stage" else "prior"
    settings = {"a": 2 if change == "settings" else 1}
    assert fingerprint(provenance(stage, settings, seed=4 if change == "seed" else 3, inputs=[beads])) != before


def test_files_of_equal_short_name_are_all_in_the_record(tmp_path):
    """As labels of several rounds, or of several molecules; a change of any must drop unfinished work."""
    paths = [tmp_path / part / "beads" / "explored0.h5md" for part in ("round1", "round2")]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_text(str(path))
    before = provenance("train", {}, seed=1, inputs=paths)
    assert set(before["inputs"]) == {"round1/beads/explored0.h5md", "round2/beads/explored0.h5md"}
    paths[0].write_text("changed")
    assert fingerprint(provenance("train", {}, seed=1, inputs=paths)) != fingerprint(before)
