"""How statistical tests judge: the distance from the expected value, in standard errors."""

import numpy as np


def assert_agrees(observed, *, error, expected, what, n_samples, limit=4.0):
    """Fails if any observed value lies more than `limit` standard errors from the expected one.

    Seeds are fixed, so a limit of 4 means: a correct program would fail for one seed in 16,000.
    """
    observed, error, expected = np.broadcast_arrays(*np.atleast_1d(observed, error, expected))
    distance = np.abs(observed - expected) / error
    worst = int(np.argmax(np.where(np.isnan(distance), np.inf, distance)))
    assert distance[worst] <= limit, (
        f"{what}: observed {observed[worst]:.6g} +- {error[worst]:.2g}, expected {expected[worst]:.6g}, "
        f"{distance[worst]:.1f} standard errors apart ({n_samples} effective samples; value {worst} of {len(distance)})"
    )


def relative_error_of_variance(n_samples):
    """Standard error, over the value, of a variance of normal samples whose mean is known."""
    return np.sqrt(2.0 / n_samples)
