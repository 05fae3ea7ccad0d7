"""Records of origin: what reads them notices damage anywhere in the file."""

import pytest
from matplotlib.figure import Figure

from cgpipe.data.lineage import read_origin
from cgpipe.errors import DataError
from cgpipe.figures.style import save_figure

RECORD = {"stage": "figure", "settings": {}, "seed": 0, "inputs": {}, "versions": {}}


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    figure = Figure(figsize=(0.2, 0.2))
    figure.subplots().plot([0.0, 1.0], [1.0, 3.0])
    path = tmp_path_factory.mktemp("figures") / "line.png"
    save_figure(figure, [path], RECORD)
    return path


def test_a_figure_carries_its_record(image):
    assert read_origin(image) == RECORD


def test_every_flipped_bit_of_a_figure_is_found(image):
    whole = image.read_bytes()
    assert len(whole) < 2000
    missed = []
    for position in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        image.write_bytes(damaged)
        try:
            read_origin(image)
            missed.append(position)
        except DataError:
            continue
    image.write_bytes(whole)
    assert not missed
