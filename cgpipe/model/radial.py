"""Filters: functions of the distance alone, with their derivatives.

A filter gives W(d), (..., n_features), and dW/dd, (..., n_features), 1/nm, for distances (...,) in nm; both vanish at
the cutoff and beyond.
"""

import torch
from torch import Tensor, nn


class FilterNetwork(nn.Module):
    """Two-layer network on Gaussian radial functions, times a smooth cutoff.

    W(d) = c(d) [B tanh(A g(d) + a) + b] with g_k(d) = exp(-(d - mu_k)^2 / 2 w^2), c(d) = (1 + cos(pi d / r_c)) / 2.
    Schuett et al. 2018, DOI 10.1063/1.5019779.
    """

    centres: Tensor

    def __init__(self, n_radial: int, n_features: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.width = cutoff / (n_radial - 1)
        self.register_buffer("centres", torch.linspace(0.0, cutoff, n_radial, dtype=torch.float64))
        self.inner = nn.Linear(n_radial, n_features)
        self.outer = nn.Linear(n_features, n_features)

    def value(self, distance: Tensor) -> Tensor:
        """W(d), differentiable in d."""
        gaussian = torch.exp(-0.5 * ((distance[..., None] - self.centres) / self.width) ** 2)
        envelope = self._envelope(distance)[0]
        filtered: Tensor = self.outer(torch.tanh(self.inner(gaussian))) * envelope[..., None]
        return filtered

    def forward(self, distance: Tensor) -> tuple[Tensor, Tensor]:
        """W(d) and dW/dd, the latter by the chain rule in forward mode, so that training needs one backward pass."""
        scaled = (distance[..., None] - self.centres) / self.width
        gaussian = torch.exp(-0.5 * scaled**2)
        hidden = torch.tanh(self.inner(gaussian))
        hidden_slope = (1 - hidden**2) * ((gaussian * scaled / -self.width) @ self.inner.weight.T)
        value, slope = self.outer(hidden), hidden_slope @ self.outer.weight.T
        envelope, envelope_slope = (part[..., None] for part in self._envelope(distance))
        return value * envelope, slope * envelope + value * envelope_slope

    def _envelope(self, distance: Tensor) -> tuple[Tensor, Tensor]:
        """c(d) and dc/dd."""
        phase = torch.pi / self.cutoff * distance.clamp(max=self.cutoff)
        return 0.5 * (1 + torch.cos(phase)), -0.5 * torch.pi / self.cutoff * torch.sin(phase)


class FilterTable(nn.Module):
    """A filter as a cubic table over the distance: in simulation it replaces the filter network's arithmetic.

    Cubic Hermite interpolation between knots from zero to the cutoff; dW/dd is the exact derivative of W, so the forces
    conserve energy. Distances lie in [0, inf), and the last knot holds zeros, so nothing is extrapolated.
    """

    rows: Tensor
    """(n_knots - 1, 4 * n_features): W and spacing * dW/dd at the lower knot of each interval, then at the upper."""

    def __init__(self, source: FilterNetwork, n_knots: int) -> None:
        super().__init__()
        self.spacing = source.cutoff / (n_knots - 1)
        knots = torch.linspace(0.0, source.cutoff, n_knots, dtype=torch.float64)
        with torch.no_grad():
            value, slope = source.double()(knots)
        ends = torch.cat([value, slope * self.spacing], dim=-1)
        self.register_buffer("rows", torch.cat([ends[:-1], ends[1:]], dim=-1))

    def value(self, distance: Tensor) -> Tensor:
        """W(d)."""
        return self.forward(distance)[0]

    def forward(self, distance: Tensor) -> tuple[Tensor, Tensor]:
        """W(d) and dW/dd, by one small matrix product for each distance."""
        place = (distance.flatten() / self.spacing).clamp(max=float(len(self.rows)))
        interval = place.long().clamp(max=len(self.rows) - 1)
        ends = self.rows.index_select(0, interval).unflatten(1, (4, -1))
        both = torch.bmm(self._hermite(place - interval), ends).unflatten(0, distance.shape)
        return both[..., 0, :], both[..., 1, :]

    def _hermite(self, t: Tensor) -> Tensor:
        """Weights of the four row entries in W and in dW/dd, (n_distances, 2, 4), at t in [0, 1] of the interval."""
        square, cube = t * t, t * t * t
        value = [2 * cube - 3 * square + 1, cube - 2 * square + t, 3 * square - 2 * cube, cube - square]
        slope = [6 * square - 6 * t, 3 * square - 4 * t + 1, 6 * t - 6 * square, 3 * square - 2 * t]
        return torch.stack([*value, *(part / self.spacing for part in slope)], dim=-1).unflatten(-1, (2, 4))
