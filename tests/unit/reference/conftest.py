"""Capped alanine as the reference stage builds it."""

import pytest

from cgpipe.config.bias import BiasSection
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.reference.system import build_system

_PHI = ["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:C"]
_PSI = ["ALA2:N", "ALA2:CA", "ALA2:C", "NME3:N"]


@pytest.fixture(scope="session")
def section():
    return OpenMMReferenceSection(
        sequence="ACE ALA NME", platform="Reference", equilibration_ps=0.4, frame_interval_ps=0.04, segment_ps=0.2
    )


@pytest.fixture(scope="session")
def alanine(section):
    return build_system(section)


@pytest.fixture(params=[[_PHI], [_PHI, _PSI]], ids=["one torsion", "two torsions"])
def bias_section(request):
    return BiasSection(torsions=request.param, n_grid_points=60)
