"""Every figure of a protein draws what its record holds, with labels."""

import numpy as np
import pytest

from cgpipe.cli.figure import _COMPARISONS
from cgpipe.figures.contacts import contacts_figure
from cgpipe.figures.coordinates import coordinates_figure
from cgpipe.figures.free_energy import free_energy_figure
from cgpipe.figures.structures import structures_figure
from cgpipe.figures.timescales import chapman_kolmogorov_figure, timescales_figure
from cgpipe.figures.transitions import transitions_figure

_PANELS = {
    "free_energy": 3,
    "coordinates": 5,
    "structures": 6,
    "timescales": 2,
    "chapman_kolmogorov": 6,
    "transitions": 2,
    "contacts": 2,
    "convergence": 2,
}


def _panels(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>" and ax.get_visible()]


@pytest.mark.parametrize(("name", "n_panels"), _PANELS.items())
def test_panels_and_labels(protein_record, name, n_panels, tmp_path):
    figure = _COMPARISONS[name](protein_record)
    figure.savefig(tmp_path / "figure.png")
    panels = _panels(figure)
    assert len(panels) == n_panels
    if name not in {"structures", "transitions"}:  # which have no axes
        assert all(ax.get_xlabel() for ax in panels)


def test_the_difference_is_that_of_normalised_free_energies(protein_record):
    image = _panels(free_energy_figure(protein_record))[2].images[0].get_array()
    energies = [protein_record.arrays[f"{name}_chain_tic_surface"] / 4.184 for name in ("reference", "model")]
    seen = np.isfinite(energies[0]) & np.isfinite(energies[1])
    np.testing.assert_allclose(image.T[seen], (energies[1] - energies[0])[seen])


def test_states_are_marked_where_they_lie(protein_record):
    texts = {text.get_text(): text.get_position() for text in _panels(free_energy_figure(protein_record))[0].texts}
    assert texts == {"1": (-1.0, 0.0), "2": (1.0, 0.0), "3": (0.0, 2.0)}


def test_contacts_of_the_reference_lie_above_the_diagonal(protein_record):
    image = _panels(contacts_figure(protein_record))[0].images[0].get_array()
    assert image[0, 3] == protein_record.arrays["reference_chain_contacts"][0]
    assert image[3, 0] == protein_record.arrays["model_chain_contacts"][0]
    assert np.ma.getmaskarray(np.ma.masked_invalid(image))[0, 2], "near pairs are blank"


def test_a_state_that_was_not_visited_says_so(protein_record):
    panels = _panels(structures_figure(protein_record))
    assert [text.get_text() for text in panels[5].texts] == ["not visited"]
    assert len(panels[0].collections) == 4, "a trace for each representative"


def test_a_line_is_drawn_over_its_coordinate(protein_record):
    line = _panels(coordinates_figure(protein_record))[2].lines[0]
    np.testing.assert_allclose(line.get_xdata()[[0, -1]], [-2 + 4 / 60, 2 - 4 / 60])
    np.testing.assert_allclose(line.get_ydata(), protein_record.arrays["reference_chain_lines"][2] / 4.184)


def test_timescales_of_each_lag(protein_record):
    container = _panels(timescales_figure(protein_record))[0].containers[0]
    np.testing.assert_allclose(container.lines[0].get_ydata(), [300.0, 310.0, 320.0])


def test_prediction_and_estimate_of_each_state(protein_record):
    lines = _panels(chapman_kolmogorov_figure(protein_record))[4].lines
    for line, key in zip(lines, ("predicted", "estimated"), strict=True):
        np.testing.assert_allclose(line.get_ydata(), protein_record.arrays[f"model_kinetics_{key}"][:, 1])


def test_every_transition_has_an_arrow(protein_record):
    protein_record.arrays["reference_kinetics_transitions"][0, 1] = 0.0
    panels = _panels(transitions_figure(protein_record))
    assert [len(ax.patches) for ax in panels] == [5, 6]
