"""What would need more memory than there is, is told from shapes; what fits is not refused."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from experiments.command import memory
from experiments.gan_1d.build import build as build_1d
from experiments.gan_1d.settings import Settings
from experiments.image_runs.gan import build
from experiments.image_runs.learn import chunk_of_steps
from experiments.image_runs.settings import Training
from gan_from_scratch import train
from gan_from_scratch.numpy_gan import Units

ROOT = Path(memory.__file__).parents[2]
N = 1_000  # numbers of 4 bytes


def of(compute, *shapes) -> int:
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return memory.peak(jax.make_jaxpr(compute)(*arguments).jaxpr)


def test_arrays_are_counted_from_their_making_to_their_last_use():
    assert of(lambda x: x, (N,)) == 4 * N
    assert of(lambda x: x + 1, (N,)) == 8 * N
    assert of(lambda x: jnp.sin(jnp.cos(x + 1)), (N,)) == 8 * N  # x goes once x + 1 is there, and so on
    assert of(lambda x: jnp.sin(x + 1) + x, (N,)) == 12 * N
    assert of(lambda x: x[:, None] * x, (N,)) == 4 * (2 * N + N * N)  # x, x[:, None] and their product
    unused = of(lambda x: (jnp.outer(x, x), x + 1)[1], (N,))
    assert unused >= 4 * N * N


def test_loops_and_branches_need_what_is_inside_them():
    def body(carry, _):
        return jnp.tanh(jnp.outer(carry, carry)).sum(axis=0), None

    looped = of(lambda x: jax.lax.scan(body, x, length=10)[0], (N,))
    assert 4 * N * N < looped < 3 * 4 * N * N  # the square once or twice, not ten times
    kept = of(lambda x: jax.lax.scan(lambda c, _: (c, c), x, length=50)[1], (N,))
    assert kept >= 50 * 4 * N
    branch = of(lambda x: jax.lax.cond(x[0] > 0, lambda x: jnp.outer(x, x).sum(axis=0), lambda x: x, x), (N,))
    assert 4 * N * N < branch < 2 * 4 * N * N


def test_the_estimate_is_of_the_order_of_what_xla_allocates():
    """For a training step of a small DCGAN: within a factor of three."""
    gan = build(Training(steps=1, batch=32, width=16), (28, 28, 1))
    state = jax.eval_shape(partial(train.init, gan), jax.random.key(0))
    images = jax.ShapeDtypeStruct((100, 28, 28, 1), jnp.uint8)
    advance = chunk_of_steps(gan, jax.random.key(1), mirror=False)
    estimate = memory.peak(jax.make_jaxpr(advance, static_argnums=2)(state, images, 2).jaxpr)
    analysis = advance.lower(state, images, 2).compile().memory_analysis()
    allocated = analysis.argument_size_in_bytes + analysis.temp_size_in_bytes
    assert allocated / 3 < estimate < 3 * allocated


def test_what_is_too_large_is_refused_and_what_fits_is_not(monkeypatch):
    square = jax.jit(lambda x: jnp.outer(x, x))
    monkeypatch.setattr(memory, "available", lambda: 3 * 4 * N * N)
    memory.check_memory("size", square, jax.ShapeDtypeStruct((N,), jnp.float32))
    with pytest.raises(ValueError, match=r"about 0 GB of memory would be needed at once.*: choose a smaller size"):
        memory.check_memory("size", square, jax.ShapeDtypeStruct((2 * N,), jnp.float32))


def test_a_number_beyond_what_indexes_an_array_is_refused_alike():
    huge = Settings(batch=10**12)
    with pytest.raises(ValueError, match="an array would be larger than any can be: choose a smaller batch"):
        memory.check_training("batch", build_1d(huge, Units()), huge.p_data().sample)


def test_the_least_of_all_limits_counts(tmp_path, monkeypatch):
    whole = memory.available()
    assert 10**8 < whole < 10**15
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "memory.max")
    (tmp_path / "memory.max").write_text("12345\n")
    assert memory.available() == 12345
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() >= whole


def test_a_process_with_a_limit_of_its_own_refuses_what_another_would_not():
    """As in `ulimit -v`: the sentence comes, and no crash."""
    run = f"ulimit -v 8000000; exec {sys.executable} -m experiments.frozen_players --batch 3000000 --seeds 4"
    done = subprocess.run(["bash", "-c", run], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and ": choose a smaller batch or seeds" in done.stderr
    assert "Traceback" not in done.stderr
