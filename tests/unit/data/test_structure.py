"""C-alpha atoms of a native structure from PDB files of every sort."""

import numpy as np
import pytest

from cgpipe.data.structure import read_alpha_carbons
from cgpipe.errors import DataError


def _line(serial, name, residue, number, position, *, element, record="ATOM"):
    """One line of a PDB file; position in angstrom. The name stands in columns 13 to 16."""
    x, y, z = position
    return (
        f"{record:<6}{serial:5d} {name:<4} {residue:>3} A{number:4d}    "
        f"{x:8.3f}{y:8.3f}{z:8.3f}{1.0:6.2f}{0.0:6.2f}          {element:>2}\n"
    )


_RESIDUES = ("GLY", "TYR", "ASP")


def _chain(shift=0.0, *, elements=True):
    """Three residues of N, CA and C, the C-alpha atoms 3.8 angstrom apart."""
    lines = []
    for k, residue in enumerate(_RESIDUES):
        for name, y in ((" N", 1.5), (" CA", 0.0), (" C", -1.5)):
            element = name.strip()[0] if elements else ""
            lines.append(_line(len(lines) + 1, name, residue, k + 5, (3.8 * k + shift, y, -1.0), element=element))
    return "".join(lines)


def _calcium(element="CA"):
    return _line(90, "CA", " CA", 90, (99.0, 0, 0), element=element, record="HETATM")


_EXPECTED = np.array([[0.0, 0, -0.1], [0.38, 0, -0.1], [0.76, 0, -0.1]])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "native.pdb"


def test_names_and_positions_in_nm(path):
    path.write_text(_chain() + "END\n")
    names, positions = read_alpha_carbons(path)
    assert names == _RESIDUES
    assert positions.dtype == np.float64
    np.testing.assert_allclose(positions, _EXPECTED, atol=1e-6)


def test_only_the_first_model_is_read(path):
    path.write_text(f"MODEL        1\n{_chain()}ENDMDL\nMODEL        2\n{_chain(50.0)}ENDMDL\nEND\n")
    names, positions = read_alpha_carbons(path)
    assert names == _RESIDUES
    np.testing.assert_allclose(positions, _EXPECTED, atol=1e-6)


@pytest.mark.parametrize("elements", [True, False])
def test_calcium_is_no_alpha_carbon(path, elements):
    """Its name is CA as well, and stands one column further left."""
    path.write_text(_chain(elements=elements) + _calcium("CA" if elements else "") + "END\n")
    names, positions = read_alpha_carbons(path)
    assert names == _RESIDUES
    assert len(positions) == 3


def test_water_and_ligands_are_left_out(path):
    water = _line(91, " O", "HOH", 91, (5.0, 5.0, 5.0), element="O", record="HETATM")
    path.write_text(_chain() + water + "END\n")
    assert read_alpha_carbons(path)[0] == _RESIDUES


def test_the_first_of_two_alternate_positions_counts(path):
    first = _line(1, " CA", "GLY", 1, (1.0, 2.0, 3.0), element="C")
    second = _line(2, " CA", "GLY", 1, (1.5, 2.0, 3.0), element="C")
    path.write_text(first[:16] + "A" + first[17:] + second[:16] + "B" + second[17:] + "END\n")
    _, positions = read_alpha_carbons(path)
    np.testing.assert_allclose(positions, [[0.1, 0.2, 0.3]], atol=1e-6)


def test_a_modified_residue_keeps_its_alpha_carbon(path):
    """Norleucine of the villin headpiece, which PDB files give as HETATM."""
    path.write_text(_chain() + _line(7, " CA", "NLE", 8, (11.4, 0, -1.0), element="C", record="HETATM") + "END\n")
    assert read_alpha_carbons(path)[0] == (*_RESIDUES, "NLE")


def test_a_missing_file_is_an_error(path):
    with pytest.raises(DataError, match=r"no native structure .*native\.pdb; set analysis\.native to a PDB file"):
        read_alpha_carbons(path)


def test_a_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no native structure"):
        read_alpha_carbons(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a structure\n",
        bytes(range(256)),
        b"ATOM  broken line\n",
        b"<html>404</html>\n",
        b"data_5AWL\nloop_\n",
    ],
    ids=["empty", "text", "binary", "broken", "web page", "mmcif"],
)
def test_what_is_no_pdb_file_is_an_error_that_names_it(path, content):
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"native\.pdb"):
        read_alpha_carbons(path)


def test_a_structure_without_alpha_carbons_is_an_error(path):
    path.write_text(_calcium() + "END\n")
    with pytest.raises(DataError, match=r"native\.pdb has no C-alpha atom; expected a protein"):
        read_alpha_carbons(path)
