"""Filters: functions of the distance alone, with their derivatives.

A filter gives W(d), (..., n_features), and dW/dd, (..., n_features), 1/nm, for distances (...,) in nm; both vanish at
the cutoff and beyond. Because it is a function of one number, many distances share one table of it: in training a table
made anew for each batch, through which gradients flow, in simulation a finer one made once.
"""

import torch
from torch import Tensor, nn

_KNOTS_PER_WIDTH = 14
"""Knots of the training table in one width of the radial functions: forces and gradients differ by about 1e-5."""


class FilterNetwork(nn.Module):
    """Two-layer network on Gaussian radial functions, times a smooth cutoff.

    W(d) = c(d) [B tanh(A g(d) + a) + b] with g_k(d) = exp(-(d - mu_k)^2 / 2 w^2), c(d) = (1 + cos(pi d / r_c)) / 2.
    Schuett et al. 2018, DOI 10.1063/1.5019779.
    """

    centres: Tensor
    knot_basis: Tensor
    """(2, n_knots, n_radial), `_basis` at the knots of the training table, which never change."""
    knot_envelope: Tensor
    """(2, n_knots, 1), likewise `_envelope`; exactly zero at the last knot."""

    def __init__(self, n_radial: int, n_features: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.width = cutoff / (n_radial - 1)
        self.register_buffer("centres", torch.linspace(0.0, cutoff, n_radial, dtype=torch.float64))
        self.inner = nn.Linear(n_radial, n_features)
        self.outer = nn.Linear(n_features, n_features)
        places = torch.linspace(0.0, cutoff, self.n_knots, dtype=torch.float64)
        self.register_buffer("knot_basis", self._basis(places), persistent=False)
        self.register_buffer("knot_envelope", self._fading(places), persistent=False)

    def value(self, distance: Tensor) -> Tensor:
        """W(d) by the network itself, differentiable in d any number of times."""
        gaussian = torch.exp(-0.5 * ((distance[..., None] - self.centres) / self.width) ** 2)
        envelope = self._envelope(distance)[0]
        filtered: Tensor = self.outer(torch.tanh(self.inner(gaussian))) * envelope[..., None]
        return filtered

    def evaluate(self, distance: Tensor) -> tuple[Tensor, Tensor]:
        """W(d) and dW/dd by the network itself, the latter by the chain rule in forward mode."""
        value, slope = self._through(self._basis(distance))
        envelope, envelope_slope = (part[..., None] for part in self._envelope(distance))
        return value * envelope, slope * envelope + value * envelope_slope

    def forward(self, distance: Tensor) -> tuple[Tensor, Tensor]:
        """W(d) and dW/dd, through a table where there are more distances than knots."""
        if distance.numel() <= self.n_knots:
            return self.evaluate(distance)
        return interpolate(_rows(self.knots()), self.cutoff / (self.n_knots - 1), distance)

    @property
    def n_knots(self) -> int:
        """Of the training table."""
        return _KNOTS_PER_WIDTH * len(self.centres)

    def knots(self, n_knots: int | None = None) -> Tensor:
        """W and spacing * dW/dd at knots from zero to the cutoff, (n_knots, 2, n_features), by default for training.

        Differentiable in the parameters.
        """
        basis, fading = self.knot_basis, self.knot_envelope
        if n_knots is not None:
            places = torch.linspace(0.0, self.cutoff, n_knots, dtype=torch.float64).to(self.centres)
            basis, fading = self._basis(places), self._fading(places)
        spacing = self.cutoff / (basis.shape[1] - 1)
        value, slope = self._through(basis)
        return torch.stack([value * fading[0], (slope * fading[0] + value * fading[1]) * spacing], dim=1)

    def _basis(self, distance: Tensor) -> Tensor:
        """Gaussians and their slopes, (2, ..., n_radial)."""
        scaled = (distance[..., None] - self.centres) / self.width
        gaussian = torch.exp(-0.5 * scaled**2)
        return torch.stack([gaussian, gaussian * scaled / -self.width])

    def _through(self, basis: Tensor) -> Tensor:
        """The two layers and their slopes, (2, ..., n_features), before the envelope."""
        sums, slopes = (basis @ self.inner.weight.T).unbind()
        hidden = torch.tanh(sums + self.inner.bias)
        outer = torch.stack([hidden, (1 - hidden**2) * slopes]) @ self.outer.weight.T
        value, slope = outer.unbind()
        return torch.stack([value + self.outer.bias, slope])

    def _fading(self, places: Tensor) -> Tensor:
        """The envelope and its slope at knots, (2, n_knots, 1), exactly zero at the last in spite of rounding."""
        fading = torch.stack(self._envelope(places))[..., None]
        fading[:, -1] = 0.0
        return fading

    def _envelope(self, distance: Tensor) -> tuple[Tensor, Tensor]:
        """c(d) and dc/dd."""
        phase = torch.pi / self.cutoff * distance.clamp(max=self.cutoff)
        return 0.5 * (1 + torch.cos(phase)), -0.5 * torch.pi / self.cutoff * torch.sin(phase)


class FilterTable(nn.Module):
    """A filter whose network was replaced by its table, for simulation."""

    rows: Tensor
    """(n_knots - 1, 4 * n_features), as `interpolate` takes them."""

    def __init__(self, source: FilterNetwork, n_knots: int) -> None:
        super().__init__()
        self.spacing = source.cutoff / (n_knots - 1)
        with torch.no_grad():
            self.register_buffer("rows", _rows(source.double().knots(n_knots)))

    def knots(self) -> Tensor:
        """W and spacing * dW/dd at each knot, (n_knots, 2, n_features)."""
        lower, last = self.rows.chunk(2, dim=-1)[0], self.rows[-1:].chunk(2, dim=-1)[1]
        return torch.cat([lower, last]).unflatten(-1, (2, -1))

    def value(self, distance: Tensor) -> Tensor:
        """W(d)."""
        return self.forward(distance)[0]

    def forward(self, distance: Tensor) -> tuple[Tensor, Tensor]:
        """W(d) and dW/dd."""
        return interpolate(self.rows, self.spacing, distance)


def _rows(knots: Tensor) -> Tensor:
    """Both ends of each interval side by side, (n_knots - 1, 4 * n_features)."""
    return torch.cat([knots[:-1].flatten(1), knots[1:].flatten(1)], dim=-1)


def interpolate(rows: Tensor, spacing: float, distance: Tensor) -> tuple[Tensor, Tensor]:
    """W(d) and dW/dd by cubic Hermite interpolation, one small matrix product for each distance.

    rows : (n_knots - 1, 4 * n_features), W and spacing * dW/dd at the lower knot of each interval, then at the upper
    dW/dd is the exact derivative of W, so forces conserve energy. The knots run from zero to the cutoff and the last
    one holds zeros, which all larger distances get: nothing is extrapolated.
    """
    place = (distance.flatten() / spacing).clamp(max=float(len(rows)))
    interval = place.long().clamp(min=0, max=len(rows) - 1)  # NaN may become any index, and comes out as NaN
    ends = rows.index_select(0, interval).unflatten(1, (4, -1))
    both = torch.bmm(_hermite(place - interval, spacing), ends).unflatten(0, distance.shape)
    return both[..., 0, :], both[..., 1, :]


def _hermite(t: Tensor, spacing: float) -> Tensor:
    """Weights of the four row entries in W and in dW/dd, (n_distances, 2, 4), at t in [0, 1] of the interval."""
    square, cube = t * t, t * t * t
    value = [2 * cube - 3 * square + 1, cube - 2 * square + t, 3 * square - 2 * cube, cube - square]
    slope = [6 * square - 6 * t, 3 * square - 4 * t + 1, 6 * t - 6 * square, 3 * square - 2 * t]
    return torch.stack([*value, *(part / spacing for part in slope)], dim=-1).unflatten(-1, (2, 4))
