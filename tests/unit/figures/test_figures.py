"""Every figure: labelled axes with units, nothing drawn that is not a number, the same bytes whenever it is saved."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import cgpipe.figures.style as style_module
from cgpipe.figures.bias import bias_figure
from cgpipe.figures.convergence import convergence_figure
from cgpipe.figures.diagnostics import diagnostics_figure
from cgpipe.figures.distributions import distributions_figure
from cgpipe.figures.free_energy import free_energy_figure
from cgpipe.figures.learning_curves import learning_curves_figure
from cgpipe.figures.marginals import marginals_figure
from cgpipe.figures.prior_fits import prior_figure
from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import new_figure, save_figure, write_title

_COMPARISONS = {
    "free_energy": free_energy_figure,
    "marginals": marginals_figure,
    "distributions": distributions_figure,
    "convergence": convergence_figure,
    "diagnostics": diagnostics_figure,
}
_PRIORS = ("bond", "angle", "dihedral", "repulsion")
_WITHOUT_UNIT = {
    "population", "density", "epoch", "longest bond / mean length", "frames of a trajectory", "window",
    "fraction of native contacts",
}  # fmt: skip


def _history(seed):
    losses = np.random.default_rng(seed).random((6, 2)) + 100.0
    return pd.DataFrame({"epoch": range(6), "training_loss": losses[:, 0], "validation_loss": losses[:, 1]})


def _bias(limits, labels, *, windows):
    """A figure of biased variables; the upper bins were never seen."""
    rng, arrays = np.random.default_rng(1), {}
    for number in range(len(labels)):
        energies = rng.random((3, 10)) * 20.0
        energies[:, -2:] = np.inf
        counts = rng.integers(0, 50, (4, 10))
        arrays |= {f"edges{number}": np.linspace(*limits, 11), f"free_energy{number}": energies}
        arrays |= {f"counts{number}": counts, f"error{number}": rng.random(10)}
    if windows:
        arrays["overlap"] = np.eye(4)
    return bias_figure(arrays, {"labels": labels})


_BIASES = {
    "bias": lambda: _bias((-np.pi, np.pi), ["torsion (rad)"] * 2, windows=False),
    "windows": lambda: _bias((0.0, 1.0), ["fraction of native contacts"], windows=True),
}


@pytest.fixture(params=[*_COMPARISONS, *_PRIORS, "learning_curves", *_BIASES])
def draw(request, record, prior_fits):
    """One way to draw each figure, as often as wanted."""
    if request.param in _COMPARISONS:
        return lambda: _COMPARISONS[request.param](record)
    if request.param in _PRIORS:
        return lambda: prior_figure(prior_fits, (request.param,))
    if request.param in _BIASES:
        return _BIASES[request.param]
    return lambda: learning_curves_figure([_history(1), _history(2)])


def _panels(figure):
    """Axes that show data, without the bars that explain colours."""
    return [ax for ax in figure.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]


def _label(ax, axis):
    """Label of an axis, or of the panel that it shares it with."""
    shared = {"x": ax.get_shared_x_axes, "y": ax.get_shared_y_axes}[axis]().get_siblings(ax)
    labels = {getattr(one, f"get_{axis}label")() for one in shared} - {""}
    return labels.pop() if labels else ""


def _has_unit(label):
    return label in _WITHOUT_UNIT or re.search(r"\(.+\)$", label) is not None


def _is_categorical(ax):
    """Whether the ticks along x are names, which need no unit."""
    return ax.get_title().startswith("basins")


def test_every_axis_has_a_label_with_a_unit(draw):
    figure = draw()
    assert isinstance(figure, Figure)
    assert _panels(figure)
    for ax in _panels(figure):
        assert _has_unit(_label(ax, "y")), f"y of {ax.get_title()!r}: {_label(ax, 'y')!r}"
        assert _is_categorical(ax) or _has_unit(_label(ax, "x")), f"x of {ax.get_title()!r}: {_label(ax, 'x')!r}"


def test_colour_bars_have_a_label_with_a_unit(record):
    bars = [ax for ax in free_energy_figure(record).axes if ax.get_label() == "<colorbar>"]
    assert [ax.get_ylabel() for ax in bars] == ["free energy (kcal/mol)", "difference (kcal/mol)"] * 2


def _areas(ax):
    """Numbers of the bands and bars of a panel; images are checked by themselves."""
    for collection in ax.collections:
        if isinstance(collection, PolyCollection):
            yield from (path.vertices for path in collection.get_paths())
    yield from (np.array([patch.get_height()]) for patch in ax.patches if hasattr(patch, "get_height"))


def test_nothing_is_drawn_that_is_not_a_number(draw):
    """NaN in a line is a gap, as it should be; infinity, or NaN in an area, would be drawn somewhere."""
    for ax in _panels(draw()):
        assert all(np.isfinite(numbers).all() for numbers in _areas(ax)), ax.get_title()
        assert not any(np.isinf(line.get_xydata().astype(float)).any() for line in ax.lines), ax.get_title()


def test_drawing_warns_of_nothing(draw):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw()


def test_bins_that_nothing_visited_stay_blank(record):
    unseen = np.isinf(record.arrays["reference_surface"][0])
    reference, model, difference = (ax.images[0].get_array() for ax in _panels(free_energy_figure(record))[:3])
    for image in (reference, model, difference):
        assert np.array_equal(np.isnan(np.ma.filled(image.astype(float), np.nan)).T, unseen)
    assert not np.isinf(np.ma.filled(difference, 0.0)).any()


def test_lines_and_bands_have_a_gap_where_nothing_was_seen(record):
    """Bin 5 along phi was never visited."""
    ax = _panels(marginals_figure(record))[0]
    assert {len(collection.get_paths()) for collection in ax.collections} == {2}
    for line in ax.lines:
        assert np.flatnonzero(~np.isfinite(line.get_ydata())).tolist() == [5]


def test_energies_are_shown_in_kcal(record):
    ax = _panels(marginals_figure(record))[1]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), record.arrays["reference_marginals"][0, 1] / 4.184)


def test_phi_runs_along_x_in_the_surface(record):
    image = _panels(free_energy_figure(record))[0].images[0]
    surface = record.arrays["reference_surface"][0] / 4.184
    expected = surface[2, 7] - surface[np.isfinite(surface)].min()
    assert image.get_array()[7, 2] == pytest.approx(expected)
    assert image.origin == "lower"


def test_losses_are_shown_in_kcal_per_angstrom():
    ax = learning_curves_figure([_history(1)]).axes[0]
    expected = _history(1)["validation_loss"] * (0.1 / 4.184) ** 2
    np.testing.assert_allclose(ax.lines[1].get_ydata(), expected)
    assert ax.lines[2].get_ydata() == [expected.min()]


def test_densities_integrate_to_one_over_their_unit(record):
    """The area under a bond's curve, in 1/pm times pm, is one."""
    line = _panels(distributions_figure(record))[0].lines[0]
    assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(1.0, abs=0.01)


def test_the_centre_of_a_density_lies_where_it_is(record):
    density = record.arrays["reference_bonds"][0]
    centres = 50 + 800 * (np.arange(1600) + 0.5) / 1600
    line = _panels(distributions_figure(record))[0].lines[0]
    assert line.get_xdata()[line.get_ydata().argmax()] == pytest.approx(centres[density.argmax()], abs=1.0)


def test_saving_twice_gives_the_same_bytes(draw, tmp_path, monkeypatch):
    monkeypatch.setattr(style_module, "_RESOLUTION", 50)
    for number in range(2):
        save_figure(draw(), [tmp_path / f"{number}.png", tmp_path / f"{number}.pdf"])
    for suffix, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        first, second = ((tmp_path / f"{number}.{suffix}").read_bytes() for number in range(2))
        assert first == second, suffix
        assert first.startswith(start)
        assert len(first) > 2000
        assert b"CreationDate" not in first, "two saves in one second hide a time of writing"
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("name", ["free_energy", "marginals", "convergence"])
def test_a_model_without_backbone_torsions_says_so(record, name):
    without = ComparisonRecord(record.arrays, {**record.header, "residues": []})
    figure = _COMPARISONS[name](without)
    assert "no residue has all beads of phi and psi" in figure.texts[0].get_text()


def test_a_prior_without_a_kind_of_term_says_so(prior_fits):
    figure = prior_figure([fit for fit in prior_fits if fit["kind"] != "repulsion"], ("repulsion",))
    assert figure.texts[0].get_text() == "the prior has no repulsion"


@pytest.mark.parametrize("kind", _PRIORS)
def test_large_molecules_show_their_first_terms(prior_fits, kind):
    figure = prior_figure([fit for fit in prior_fits if fit["kind"] == kind] * 20, (kind,))
    assert len(_panels(figure)) == 24


def test_a_long_title_is_broken_to_the_width():
    figure = new_figure(3.4, 2.0)
    write_title(figure, "chignolin_openmm: chignolin CLN025, implicit solvent, not converged")
    figure.canvas.draw()
    text = figure._suptitle
    assert text.get_text().count("\n") == 1
    assert text.get_window_extent().x1 <= figure.bbox.x1


def test_c_alpha_terms_have_short_names():
    beads = ("TYR1:CA", "TYR2:CA", "ASP3:CA")
    fit = {
        "kind": "angle",
        "unit": "rad",
        "divergence_nats": 0.0,
        "centres": [1, 2],
        "density": [1, 1],
        "fitted": [1, 1],
    }
    ax = prior_figure([{**fit, "label": f"angle {' - '.join(beads)}"}], ("angle",)).axes[0]
    assert ax.get_title().startswith("TYR1-TYR2-ASP3\n")
