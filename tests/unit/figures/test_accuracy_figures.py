"""Figures of studies and of the uncertainty: what is drawn is what the records say, in the units that the axes name."""

import numpy as np
import pandas as pd
import pytest

from cgpipe.figures.free_energy import free_energy_figure
from cgpipe.figures.study import study_figure
from cgpipe.figures.uncertainty import uncertainty_figure

_KCAL = 0.1 / 4.184


def _table(points, axis="frames"):
    rows = [
        {
            "axis": axis,
            "point": str(point),
            "seed": seed,
            "metric": metric,
            "value": value * seed,
            "error": 0.1 * value,
            "noise_floor": 0.5,
        }
        for point, value in points
        for seed in (1, 3)
        for metric in ("js_phi_psi[ALA2]", "js_phi[ALA2]", "free_energy_rmse_weighted_by_reference[ALA2]")
    ]
    return pd.DataFrame(rows)


def test_an_axis_of_numbers_is_logarithmic_where_it_is_wide():
    table = pd.concat([_table([(1000, 4.0), (16000, 1.0)]), _table([(2, 4.0), (4, 1.0)], "folds")])
    axes = study_figure(table, {"frames": "frames", "folds": "folds"}).axes
    assert [ax.get_xscale() for ax in axes] == ["log", "linear", "log", "linear"]
    assert [ax.get_xlabel() for ax in axes] == ["", "", "frames", "folds"]
    assert [ax.get_ylabel() for ax in axes[::2]] == ["JS divergence (nats)", "free-energy error\n(kcal/mol)"]


def _mean_line(ax):
    (line,) = [line for line in ax.lines if line.get_label() == "mean of the seeds"]
    return line


def test_the_line_joins_the_means_of_the_seeds():
    ax = study_figure(_table([(1000, 4.0), (16000, 1.0)]), {"frames": "frames"}).axes[0]
    assert _mean_line(ax).get_xdata().tolist() == [1000, 16000]
    assert _mean_line(ax).get_ydata().tolist() == [8.0, 2.0]


def test_many_axes_stand_in_stripes_all_to_one_scale_with_the_unchanged_system():
    names = [f"axis{k}" for k in range(6)]
    table = pd.concat([_table([(1, 4.0 + k), (2, 1.0)], name) for k, name in enumerate(names)])
    table["unchanged"] = (table["axis"] == "axis0") & (table["point"] == "2")
    table["own_data"] = False
    own = _table([("frames", 3.0)], "own data").assign(unchanged=False, own_data=True)
    table = pd.concat([table, own])
    shown = [ax for ax in study_figure(table, {name: name for name in names}).axes if ax.axison]
    assert len(shown) == 12
    assert [ax.get_xlabel() for ax in shown if ax.get_xlabel()] == names
    limits = [ax.get_ylim() for ax in shown]  # both metrics have the same values here
    assert limits == [pytest.approx(limits[0])] * 12
    for ax in shown:
        heights = {line.get_label(): line.get_ydata()[0] for line in ax.lines}
        assert heights["unchanged system"] == 2.0
        assert heights["own frames of the seeds"] == 6.0


def test_points_with_names_are_not_joined():
    ax = study_figure(_table([("mean force", 4.0), ("both", 1.0)]), {"frames": "labels"}).axes[-1]
    assert _mean_line(ax).get_linestyle() == "None"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["mean force", "both"]


@pytest.fixture
def uncertainty():
    arrays = {
        "calibration_spread": np.array([1.0, 2.0, 4.0]),
        "calibration_deviation": np.array([102.0, 104.0, 108.0]),
        "calibration_deviation_error": np.ones(3),
        "spread": np.ones(10),
    }
    header = {
        "calibration_factor": 2.0, "calibration_factor_error": 0.1, "calibration_noise": 100.0,
        "share_beyond": 0.1, "limit": 3.0, "n_folds": 2,
    }  # fmt: skip
    return arrays, header


def test_the_free_energy_is_hatched_where_the_model_extrapolates(record, uncertainty):
    beyond = np.zeros((6, 6))
    surface = {"surface_limits": np.array([[-np.pi, np.pi]] * 2), "surface_beyond": beyond}
    plain = free_energy_figure(record, uncertainty[0] | surface)
    assert not any(ax.collections for ax in plain.axes[:3])
    beyond[2, 4] = 0.9
    reference, model, difference = free_energy_figure(record, uncertainty[0] | surface).axes[:3]
    assert model.collections[0].hatches == ["////"]
    assert "beyond the training data" in model.get_title()
    assert not reference.collections
    assert not difference.collections
    other = {**surface, "surface_limits": np.array([[0.0, 1.0]] * 2)}
    assert not any(ax.collections for ax in free_energy_figure(record, uncertainty[0] | other).axes[:3])


def test_the_noise_is_taken_off_and_units_are_kcal(uncertainty):
    ax = uncertainty_figure(*uncertainty).axes[0]
    points = ax.containers[0].lines[0]
    np.testing.assert_allclose(points.get_xdata(), np.array([1.0, 2.0, 4.0]) * _KCAL**2)
    np.testing.assert_allclose(points.get_ydata(), np.array([2.0, 4.0, 8.0]) * _KCAL**2)


def test_bins_beyond_the_training_data_are_hatched(uncertainty):
    arrays, header = uncertainty
    surface = {"surface_spread": np.full((6, 6), 9.0), "surface_limits": np.array([[-np.pi, np.pi]] * 2)}
    beyond = np.zeros((6, 6))
    plain = uncertainty_figure(arrays | surface | {"surface_beyond": beyond}, header).axes[1]
    assert not plain.collections
    beyond[2, 4] = 0.9
    hatched = uncertainty_figure(arrays | surface | {"surface_beyond": beyond}, header).axes[1]
    assert hatched.collections[0].hatches == ["////"]
    box = hatched.collections[0].get_paths()[0].get_extents()
    assert (box.x0 + box.x1) / 2 == pytest.approx(-30.0)  # third of six bins along phi
    assert (box.y0 + box.y1) / 2 == pytest.approx(90.0)
    np.testing.assert_allclose(hatched.images[0].get_array(), 3.0 * _KCAL)
    assert hatched.get_xlabel() == "φ (degrees)"
