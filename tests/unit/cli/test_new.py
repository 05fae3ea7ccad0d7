"""`cgpipe new` writes a config that is complete and works."""

from pathlib import Path

import pytest
import yaml

from cgpipe.config.project import load_project, load_system

_FOLDER = Path("config/systems")


def _written(name="mine"):
    return load_system(load_project({"systems": [name]}), name, folder=_FOLDER)


def test_a_peptide_gets_a_bias_on_its_middle(cgpipe):
    status, out, _ = cgpipe("new", "mine", "--sequence", "ACE ALA GLY ALA NME")
    assert status == 0
    assert "add `mine` to `systems`" in out
    assert _written().reference.bias.torsions == [
        ["ALA2:C", "GLY3:N", "GLY3:CA", "GLY3:C"],
        ["GLY3:N", "GLY3:CA", "GLY3:C", "ALA4:N"],
    ]


def test_a_protein_gets_none(cgpipe, project):
    (project / "mini.pdb").write_text("ATOM\n")
    assert cgpipe("new", "mine", "--pdb", "mini.pdb")[0] == 0
    reference = _written().reference
    assert (reference.structure, reference.bias) == ("mini.pdb", None)


@pytest.mark.parametrize("source", ["2JOF", "long.pdb"])
def test_a_longer_protein_gets_states_and_heated_starts(cgpipe, project, source):
    (project / "long.pdb").write_text("".join(f"ATOM  {k:5d}  CA  GLY A{k:4d}\n" for k in range(1, 6)))
    assert cgpipe("new", "mine", "--pdb", source)[0] == 0
    system = _written()
    assert system.reference.structure == source
    assert "heated" in system.reference.starts
    assert (system.mapping.beads, system.analysis.markov.n_macrostates) == ("ca", 3)


@pytest.mark.parametrize("name", ["all", "figures", "paper", "a b", "../evil", "1abc", "train"])
def test_a_name_that_snakemake_cannot_use_is_refused(cgpipe, project, name):
    (project / "workflow" / "rules").mkdir(parents=True)
    (project / "workflow" / "rules" / "any.smk").write_text("# rule\nrule train:\n    input:\n")
    status, _, error = cgpipe("new", name, "--sequence", "ACE ALA NME")
    assert status == 1
    assert f"{name!r} cannot name a system" in error
    assert not list(project.rglob("*.yaml"))


def test_a_residue_that_cannot_be_built_is_refused(cgpipe):
    status, _, error = cgpipe("new", "mine", "--sequence", "ACE XXX NME")
    assert status == 1
    assert "cannot place 'XXX'" in error
    assert not _FOLDER.exists()


def test_the_file_is_short(cgpipe):
    cgpipe("new", "mine", "--sequence", "ACE ALA NME")
    content = yaml.safe_load((_FOLDER / "mine.yaml").read_text())
    assert set(content) == {"description", "reference", "mapping"}


def test_an_existing_file_is_kept(cgpipe):
    cgpipe("new", "mine", "--sequence", "ACE ALA NME")
    before = (_FOLDER / "mine.yaml").read_text()
    status, _, error = cgpipe("new", "mine", "--sequence", "ACE GLY NME")
    assert status == 1
    assert "exists already" in error
    assert (_FOLDER / "mine.yaml").read_text() == before


def test_a_missing_pdb_file_is_named(cgpipe):
    status, _, error = cgpipe("new", "mine", "--pdb", "nowhere.pdb")
    assert (status, error) == (1, "cgpipe new: there is no file nowhere.pdb\n")
    assert not _FOLDER.exists()


@pytest.mark.parametrize("sources", [[], ["--sequence", "ALA", "--pdb", "a.pdb"]])
def test_one_source_is_needed(cgpipe, sources):
    with pytest.raises(SystemExit):
        cgpipe("new", "mine", *sources)
