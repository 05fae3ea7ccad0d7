"""Statistical tests that take a minute or more; every test here carries the marker `physics`."""

import torch

torch.set_num_threads(1)  # a second thread only costs on arrays this small
