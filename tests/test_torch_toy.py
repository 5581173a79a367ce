"""PyTorch's ensemble plays the same game as its single seed, so that what is timed is the same work."""

import numpy as np
import pytest

from experiments.gan_1d.settings import Settings

torch = pytest.importorskip("torch")


torch.set_num_threads(1)  # tests run two at a time


def after(steps: int, seeds: int | None) -> list[np.ndarray]:
    from experiments.timing import torch_toy

    run = torch_toy.steps(Settings(steps=100), seed=3, seeds=seeds)
    return [parameter.detach().numpy().copy() for parameter in run(steps)]


def test_an_ensemble_of_one_is_the_single_seed():
    """The same numbers are drawn; sums are taken in another order."""
    for single, ensemble in zip(after(8, None), after(8, 1), strict=True):
        np.testing.assert_allclose(ensemble[0], single, rtol=1e-3, atol=1e-5)


def test_the_seeds_of_an_ensemble_do_not_meet():
    """Each has its own start, and each is moved by its own gradient: by Adam's rate in its first step, not a mean."""
    start, moved = after(0, 3), after(1, 3)
    assert len({parameter.tobytes() for parameter in start[0]}) == 3
    for before, now in zip(start, moved, strict=True):
        assert np.all(np.abs(now - before).reshape(3, -1).max(axis=1) > 5e-4)
