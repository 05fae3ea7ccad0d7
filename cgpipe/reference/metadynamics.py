"""Well-tempered metadynamics of one walker: Barducci et al. 2008, DOI 10.1103/PhysRevLett.100.020603."""

from dataclasses import replace

import numpy as np
import torch

from cgpipe.config.reference import BiasSection
from cgpipe.data.segments import SegmentStore
from cgpipe.geometry import dihedrals
from cgpipe.reference.bias import TorsionBias, tempered_height, with_hill
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.schedule import Schedule


def build_bias(
    dynamics: Dynamics,
    section: BiasSection,
    flat: TorsionBias,
    *,
    thermal_energy: float,
    schedule: Schedule,
    store: SegmentStore,
) -> TorsionBias:
    """Bias after the whole schedule, a hill after each interval; resumes from `store`."""
    state = store.state()
    bias = flat if state is None else replace(flat, table=np.asarray(state["table"], dtype=np.float64))
    for stretch in schedule.remaining(store.n_segments):
        dynamics.set_bias(bias)
        dynamics.begin(state, stretch.seed)
        for _ in stretch.intervals():
            dynamics.step(schedule.interval)
            bias = _grown(bias, dynamics, section, thermal_energy)
            dynamics.set_bias(bias)
        state = {**dynamics.state(), "table": bias.table}
        store.append({}, state)
    return bias


def _grown(bias: TorsionBias, dynamics: Dynamics, section: BiasSection, thermal_energy: float) -> TorsionBias:
    """Bias plus the hill that belongs to the present torsions."""
    positions = torch.from_numpy(dynamics.state()["positions"])
    centre = dihedrals(positions, torch.tensor(bias.quadruples)).numpy()
    height = tempered_height(section, dynamics.bias_energy(), thermal_energy)
    return with_hill(bias, centre, height=height, width=float(np.deg2rad(section.hill_width_deg)))
