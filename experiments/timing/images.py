"""The contenders of benchmark images: a step of the DCGANs' and of the paper's networks, and parts of the DCGANs'."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import chain, product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.image_runs import goodfellow
from experiments.image_runs.gan import build
from experiments.image_runs.learn import CHUNK, chunk_of_steps
from experiments.image_runs.settings import DIGITS, FROGS, Training
from experiments.timing.layers import layers_of
from experiments.timing.profile import shares
from experiments.timing.turns import Contender
from gan_from_scratch import data, train
from gan_from_scratch.images import convolution

PAPER = goodfellow.PaperTraining()


def contenders(seed: int, batch: int, width: int, compiled: bool) -> dict[str, dict[str, Contender]]:
    """Images per second of three commands' networks, on made-up images."""
    groups = {}
    gpu = jax.default_backend() != "cpu"
    for label, training, pixels in networks(batch, width):
        found = {"JAX": in_jax(build(training, pixels.shape[1:]), pixels, seed, training.mirror)}
        if gpu:
            half = build(replace(training, dtype="bfloat16"), pixels.shape[1:])
            found["JAX, bfloat16"] = in_jax(half, pixels, seed, training.mirror)
        if find_spec("torch"):
            both = (False, True)
            makers = in_pytorch(training, pixels, seed, product(both[: 1 + compiled], both, both[: 1 + gpu]))
            found |= {variant: make() for variant, make in makers.items()}
        if not gpu:
            found["the matrix products alone"] = products_alone(training, pixels.shape[1:], seed)
        groups[label] = found
    return groups | {f"the paper's networks, batch {PAPER.batch}": of_the_paper(seed, compiled)}


def in_pytorch(
    training: Training, pixels: np.ndarray, seed: int, variants: Iterable[tuple[bool, bool, bool]]
) -> dict[str, Callable[[], Contender]]:
    """What makes a contender of each variant: whether compiled, with channels last, in bfloat16."""
    from experiments.timing import torch_dcgan  # PyTorch is an optional dependency

    def make(compiled: bool, last: bool, half: bool) -> Contender:
        run, _ = torch_dcgan.trainer(training, pixels, seed, last, compiled, half)
        return Contender(run, CHUNK, training.batch)

    return {
        f"PyTorch, {'compiled' if compiled else 'eager'}{', channels last' * last}{', bfloat16' * half}": partial(
            make, compiled, last, half
        )
        for compiled, last, half in variants
    }


def of_the_paper(seed: int, compiled: bool) -> dict[str, Contender]:
    """The networks and the rule of goodfellow_mnist."""
    pixels, _ = data.synthetic("mnist", 10 * PAPER.batch)
    gan = goodfellow.build(PAPER, pixels)
    found = {"JAX": in_jax(gan, pixels, seed)}
    if find_spec("torch"):
        from experiments.timing import torch_goodfellow  # PyTorch is an optional dependency

        for compile_it in (False, True)[: 1 + compiled]:
            run = torch_goodfellow.trainer(PAPER, pixels, gan.generator.bias, seed, compile_it)
            found["PyTorch, " + ("compiled" if compile_it else "eager")] = Contender(run, CHUNK, PAPER.batch)
    return found


def networks(batch: int, width: int) -> Iterator[tuple[str, Training, np.ndarray]]:
    """Those of mnist_dcgan and of cifar_dcgan: in words, as settings, and made-up images uint8 (n, h, w, c)."""
    for name, hidden in (("mnist", DIGITS.hidden), ("cifar10", FROGS.hidden)):
        training = Training(steps=1, batch=batch, width=width, hidden=hidden)
        pixels, _ = data.synthetic(name, 10 * batch)
        yield f"{name}, batch {batch}, width {width}, hidden {hidden}", training, pixels


def shares_of_a_step(seed: int, batch: int, width: int) -> dict[str, dict[str, float]]:
    """Of both commands' networks: what share of a step's operations each kind of them takes."""
    found = {}
    for label, training, pixels in networks(batch, width):
        chunk = program(build(training, pixels.shape[1:]), pixels, seed, training.mirror, CHUNK)
        state, _, _ = chunk.compiled(chunk.state, chunk.pixels)  # a first call pays for pages that later ones have
        found[label] = shares(chunk.compiled, partial(chunk.compiled, state, chunk.pixels))
    return found


class Program(NamedTuple):
    """The compiled chunk of an image run, and what it starts from, on the device."""

    compiled: jax.stages.Compiled
    state: train.GANState
    pixels: jax.Array


def program(gan: train.GAN, pixels: np.ndarray, seed: int, mirror: bool, chunk: int) -> Program:
    """So many steps on images uint8 (n, h, w, c)."""
    key = jax.random.key(seed)
    state, pixels = jax.jit(partial(train.init, gan))(key), jax.device_put(pixels)
    return Program(chunk_of_steps(gan, key, mirror).lower(state, pixels, chunk).compile(), state, pixels)


def in_jax(gan: train.GAN, pixels: np.ndarray, seed: int, mirror: bool = False) -> Contender:
    """The chunk of an image run as it stands."""
    return repeated(program(gan, pixels, seed, mirror, CHUNK), CHUNK, gan.batch)


def repeated(program: Program, chunk: int, batch: int) -> Contender:
    """A program of `chunk` steps, one call after another."""
    compiled, state, pixels = program

    def run(steps: int) -> None:
        nonlocal state
        for _ in range(steps // chunk):
            state, _, _ = compiled(state, pixels)
        jax.block_until_ready(state)

    return Contender(run, chunk, batch)


def products_alone(training: Training, shape: tuple[int, int, int], seed: int) -> Contender:
    """The products of the convolutions and hidden layers in one step of Algorithm 1: what no way of copying can beat.

    A layer of either network has P (places of a batch, patch), K (patch, channels) and dy (places, channels), or the
    same with other names where it is transposed: P K forward, dy K^T for the gradient in x, dy^T P for that in K. In
    the form of winograd.py it has nine smaller ones of each.
    """
    size, _, channels = shape
    layers = []  # (places, patch, channels) of a layer's products
    for larger, c_in, c_out in layers_of(size, channels, training.width):
        size = larger // 2
        if c_in >= convolution.CHANNELS_FOR_TILES:
            layers.append([(training.batch * ((size + 1) // 2) ** 2, 4 * c_in, c_out)] * 9)
        else:
            layers.append([(training.batch * size**2, 16 * c_in, c_out)])
    if training.hidden:
        layers.append([(training.batch, size**2 * c_out, training.hidden)])
    # D on real, on fake, and in G's step; and the transposed layer's gradient in its input.
    n_forward = 4
    # The transposed layer, twice; D's gradient in x, three times, but in its first layer only in G's step.
    n_back = [5 if i else 3 for i, layer in enumerate(layers) for _ in layer]
    n_weights = 3  # D on real and on fake, and G
    operands = []
    for i, (places, patch, channels) in enumerate(chain.from_iterable(layers)):
        key_p, key_k, key_dy = jax.random.split(jax.random.fold_in(jax.random.key(seed), i), 3)
        p = jax.random.normal(key_p, (n_forward, places, patch))
        k = jax.random.normal(key_k, (patch, channels))
        dy = jax.random.normal(key_dy, (n_back[i], places, channels))
        operands.append((list(p), k, list(dy)))

    def one_step(total, operands):
        for p, k, dy in operands:
            k = k + total  # so that no product can be computed once for all steps
            forward = [x @ k for x in p]
            back = [y @ k.T for y in dy]
            weights = [(y + total).T @ x for x, y in zip(p[:n_weights], dy, strict=False)]
            total = 1e-30 * sum(y[0, 0] for y in forward + back + weights)
        return total

    @jax.jit
    def run_chunk(total, operands):
        return jax.lax.fori_loop(0, CHUNK, lambda _, total: one_step(total, operands), total)

    def run(steps: int) -> None:
        for _ in range(steps // CHUNK):
            jax.block_until_ready(run_chunk(jnp.float32(0), operands))

    return Contender(run, CHUNK, training.batch)
