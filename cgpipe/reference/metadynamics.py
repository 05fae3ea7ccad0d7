"""Well-tempered metadynamics of one walker: Barducci et al. 2008, DOI 10.1103/PhysRevLett.100.020603."""

from dataclasses import replace

import numpy as np

from cgpipe.config.bias import BiasSection
from cgpipe.data.segments import SegmentStore
from cgpipe.reference.bias import Bias, tempered_height, with_hill
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.schedule import Schedule


def build_bias(
    dynamics: Dynamics,
    section: BiasSection,
    flat: Bias,
    *,
    thermal_energy: float,
    schedule: Schedule,
    store: SegmentStore,
) -> Bias:
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


def _grown(bias: Bias, dynamics: Dynamics, section: BiasSection, thermal_energy: float) -> Bias:
    """Bias plus the hill that belongs to the present variables."""
    height = tempered_height(section, dynamics.bias_energy(), thermal_energy)
    return with_hill(bias, dynamics.bias_variables(), height=height, width=section.hill_width)
