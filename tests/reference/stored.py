"""What a segment store holds, put together."""

import numpy as np
import pytest

from cgpipe.data.segments import SegmentStore


def joined(store):
    """Frames of all segments."""
    segments = list(store.frames())
    return {name: np.concatenate([segment[name] for segment in segments]) for name in segments[0]}


def interrupted(work, monkeypatch, *, after):
    """Kill work when it wants to keep a segment, after some that it kept."""
    kept = []
    append = SegmentStore.append

    def dying(store, frames, state):
        if len(kept) == after:
            raise KeyboardInterrupt
        kept.append(1)
        append(store, frames, state)

    with monkeypatch.context() as patch:
        patch.setattr(SegmentStore, "append", dying)
        with pytest.raises(KeyboardInterrupt):
            work()
