"""Capped alanine without its dynamics: atoms, bonds, and the constraints of its hydrogens."""

import mdtraj
import numpy as np
import pytest

from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.topology import from_mdtraj
from cgpipe.reference.structure import build_peptide, protonate
from cgpipe.reference.system import build_system


@pytest.fixture(scope="session")
def alanine():
    """The atomistic system of Ac-Ala-NHMe, minimised, with constrained bonds of hydrogens."""
    return build_system(OpenMMReferenceSection(sequence="ACE ALA NME", platform="Reference"))


@pytest.fixture(scope="session")
def topology(alanine):
    return alanine.topology


@pytest.fixture(scope="session")
def peptide():
    """Topology of a longer capped peptide with glycine and proline."""
    from openmm import app  # noqa: PLC0415 (only here)

    modeller = build_peptide("ACE ALA GLY PRO SER NME")
    protonate(modeller, app.ForceField("amber99sbildn.xml"))
    return from_mdtraj(mdtraj.Topology.from_openmm(modeller.topology))


@pytest.fixture
def rng():
    return np.random.default_rng(8)
