"""Langevin steps on arrays that stay where they are, which lets a GPU record one step and replay it without its host.

A step of a small molecule is dozens of kernels of a few microseconds, most of which a GPU would spend waiting for the
next launch. Replayed as one CUDA graph they follow each other at once. On a CPU the same code runs unrecorded.
"""

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from cgpipe.potential import Potential
from cgpipe.simulation.langevin import langevin_step, langevin_steps
from cgpipe.simulation.state import State

_WARM_UPS = 3
"""Steps that settle memory and libraries before one is recorded."""


Advance = Callable[[State, Tensor], State]
"""The state after one step for each row of the noise, (n_steps, n_replicas, n_beads, 3), standard normal."""


def stepper(state: State, potential: Potential, *, timestep: float, friction: float, thermal_energy: float) -> Advance:
    """The fastest way to carry states like this one through steps."""
    constants = {"timestep": timestep, "friction": friction, "thermal_energy": thermal_energy}
    if state.positions.is_cuda:
        return Replay(state, potential, **constants).advance
    return lambda now, noise: langevin_steps(now, potential, noise=noise, **constants)


class Replay:
    """Carries states of one shape; begins with a state of it."""

    def __init__(
        self, state: State, potential: Potential, *, timestep: float, friction: float, thermal_energy: float
    ) -> None:
        self._constants = {"timestep": timestep, "friction": friction, "thermal_energy": thermal_energy}
        self._potential = potential
        self._state = _copy(state)
        self._noise = torch.zeros_like(state.positions)
        self._graph = self._recorded() if state.positions.is_cuda else None

    def advance(self, state: State, noise: Tensor) -> State:
        """As `Advance`."""
        _fill(self._state, state)
        for row in noise:
            self._noise.copy_(row)
            if self._graph is None:
                self._step()
            else:
                self._graph.replay()
        return _copy(self._state)

    def _step(self) -> None:
        _fill(self._state, langevin_step(self._state, self._potential, noise=self._noise, **self._constants))

    def _recorded(self) -> torch.cuda.CUDAGraph:
        """One step as a graph; the steps before it change the arrays, which `advance` fills anew."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                self._step()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        return graph


def _copy(state: State) -> State:
    return State(**{field.name: getattr(state, field.name).clone() for field in fields(state)})


def _fill(target: State, source: State) -> None:
    """Overwrite the arrays of the target, not itself."""
    for field in fields(target):
        getattr(target, field.name).copy_(getattr(source, field.name))
