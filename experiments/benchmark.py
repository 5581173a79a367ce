"""Ours beside PyTorch, if it is installed: the 1-D GAN (1 minute) or, with `images`, the DCGANs (10 minutes).

All contenders run the same networks, batch, optimizer and order of updates, in turns in one process: round after
round, so that what else the machine does meets each of them. Writes result.json and prints a table.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments import _dcgan, _script, cifar_dcgan, goodfellow_1d, mnist_dcgan
from gan_from_scratch import check, data, networks, numpy_gan, train


@dataclass(frozen=True)
class Config:
    """Which benchmark, and how long."""

    what: Annotated[Literal["toy", "images"], tyro.conf.Positional] = "toy"
    """toy: the 1-D GAN. images: the networks of mnist_dcgan and of cifar_dcgan."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/benchmark")
    """Folder for the result."""
    rounds: int = 7
    """How often each contender is timed; the median counts."""
    seconds: float = 1.0
    """How long each contender runs in a round, about."""
    seeds: int = 32
    """toy: how many GANs JAX trains together in its second entry."""
    batch: int = 64
    """images: images in a batch."""
    width: int = 64
    """images: channels of the layers nearest to the image."""
    compiled: bool = True
    """Also time torch.compile, which needs a C++ compiler and a minute or two."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("rounds", "seeds", "batch", "width"):
            check.positive_integer(name, getattr(self, name))
        check.positive("seconds", self.seconds)
        _script.check_choices(self)


@dataclass(frozen=True)
class Contender:
    """`run(n)` takes n steps, a multiple of `chunk`, each of them `amount` units of work."""

    run: Callable[[int], object]
    chunk: int
    amount: int = 1


def main(config: Config) -> None:
    """Build the contenders, time them in turns, print and save."""
    started = time.perf_counter()
    _script.prepare_folder(config.out)
    groups = {"1-D GAN": toy(config)} if config.what == "toy" else images(config)
    numbers = {name: timed(contenders, config) for name, contenders in groups.items()}
    torch_version = version("torch") if find_spec("torch") else None
    _script.save_result(config.out, config, started, {"pytorch": torch_version, "groups": numbers})

    unit = "GAN steps" if config.what == "toy" else "images"
    print(f"{os.cpu_count()} cores, PyTorch {torch_version or 'not installed'}; medians of {config.rounds} rounds")
    for group, rows in numbers.items():
        print(f"{group:28}{unit + '/s':>14}{'range':>20}{'x best PyTorch':>18}")
        for name, row in rows.items():
            span = f"{row['slowest_round']:,.0f}-{row['fastest_round']:,.0f}"
            ratio = f"{row['times_pytorch']:.2f}" if row["times_pytorch"] else "-"
            print(f"  {name:26}{row['per_second']:14,.0f}{span:>20}{ratio:>18}")


def timed(contenders: dict[str, Contender], config: Config) -> dict[str, dict[str, float | None]]:
    """Units of work per second of each contender, and the ratio to the best of PyTorch's."""
    rounds = {name: [] for name in contenders}
    with _script.progress_bar() as bar:
        task = bar.add_task("rounds", total=config.rounds, numbers="compiling")
        steps = {name: steps_for(contender, config.seconds) for name, contender in contenders.items()}
        for _ in range(config.rounds):
            for name, contender in contenders.items():
                bar.update(task, numbers=name)
                rounds[name].append(contender.amount * steps[name] / seconds_of(contender.run, steps[name]))
            bar.advance(task)
    pytorch = [name for name in contenders if name.startswith("PyTorch")]
    best = max(pytorch, key=lambda name: np.median(rounds[name]), default=None)
    return {
        name: {
            "per_second": float(np.median(speeds)),
            "slowest_round": min(speeds),
            "fastest_round": max(speeds),
            # Ratios are taken inside each round, where both met the same machine.
            "times_pytorch": float(np.median(np.divide(speeds, rounds[best]))) if best else None,
        }
        for name, speeds in rounds.items()
    }


def seconds_of(run: Callable[[int], object], steps: int) -> float:
    started = time.perf_counter()
    run(steps)
    return time.perf_counter() - started


def steps_for(contender: Contender, seconds: float) -> int:
    """A whole number of chunks that takes about `seconds`, after a warm-up that also compiles."""
    contender.run(contender.chunk)
    return contender.chunk * max(1, round(seconds / seconds_of(contender.run, contender.chunk)))


# The DCGANs


def images(config: Config) -> dict[str, dict[str, Contender]]:
    """Images per second of both scripts' networks, on made-up images."""
    groups = {}
    gpu = jax.default_backend() != "cpu"
    for name, script in (("mnist", mnist_dcgan), ("cifar10", cifar_dcgan)):
        hidden = script.Config().training.hidden
        training = _dcgan.Training(steps=1, batch=config.batch, width=config.width, hidden=hidden)
        pixels, _ = data.synthetic(name, 10 * config.batch)
        contenders = {"JAX": dcgan_in_jax(training, pixels, config.seed)}
        if gpu:
            half = replace(training, dtype="bfloat16")
            contenders["JAX, bfloat16"] = dcgan_in_jax(half, pixels, config.seed)
        if find_spec("torch"):
            from experiments import _torch_dcgan  # PyTorch is an optional dependency

            for compiled in (False, True)[: 1 + config.compiled]:
                for last in (False, True):
                    for bfloat16 in (False, True)[: 1 + gpu]:
                        label = "PyTorch, " + ("compiled" if compiled else "eager")
                        label += ", channels last" * last + ", bfloat16" * bfloat16
                        run, _ = _torch_dcgan.trainer(training, pixels, config.seed, last, compiled, bfloat16)
                        contenders[label] = Contender(run, _dcgan.CHUNK, config.batch)
        if not gpu:
            contenders["the matrix products alone"] = products_alone(training, pixels.shape[1:], config.seed)
        groups[f"{name}, batch {config.batch}, width {config.width}, hidden {hidden}"] = contenders
    return groups


def dcgan_in_jax(training: _dcgan.Training, pixels: np.ndarray, seed: int) -> Contender:
    """The compiled chunk of _dcgan.py, one after another."""
    gan = _dcgan.build(training, pixels.shape[1:])
    key = jax.random.key(seed)
    advance = _dcgan.chunk_of_steps(gan, key, training.mirror)
    state, pixels = jax.jit(partial(train.init, gan))(key), jax.device_put(pixels)

    def run(steps: int) -> None:
        nonlocal state
        for _ in range(steps // _dcgan.CHUNK):
            state, _, _ = advance(state, pixels, _dcgan.CHUNK)
        jax.block_until_ready(state)

    return Contender(run, _dcgan.CHUNK, training.batch)


def products_alone(training: _dcgan.Training, shape: tuple[int, int, int], seed: int) -> Contender:
    """The products of the convolutions and hidden layers in one step of Algorithm 1: what no way of copying can beat.

    A layer of either network has P (places of a batch, patch), K (patch, channels) and dy (places, channels), or the
    same with other names where it is transposed: P K forward, dy K^T for the gradient in x, dy^T P for that in K.
    """
    size, _, channels = shape
    base, levels = networks.image_levels(size)
    widths = [channels] + [training.width * 2**level for level in range(levels)]
    shapes = [
        (training.batch * (size // 2 ** (i + 1)) ** 2, 16 * widths[i], widths[i + 1]) for i in range(levels)
    ]  # places, patch, channels
    if training.hidden:
        shapes.append((training.batch, base**2 * widths[-1], training.hidden))
    layers = []
    for i, (places, patch, channels) in enumerate(shapes):
        key_p, key_k, key_dy = jax.random.split(jax.random.fold_in(jax.random.key(seed), i), 3)
        p = jax.random.normal(key_p, (4, places, patch))
        k = jax.random.normal(key_k, (patch, channels))
        dy = jax.random.normal(key_dy, (5, places, channels))
        layers.append((list(p), k, list(dy)))

    def one_step(total, layers):
        for i, (p, k, dy) in enumerate(layers):
            k = k + total  # so that no product can be computed once for all steps
            # D on real, on fake, and in G's step; and the transposed layer's gradient in its input.
            forward = [p[j] @ k for j in range(4)]
            # The transposed layer, twice; D's gradient in x, three times, but in its first layer only in G's step.
            back = [dy[j] @ k.T for j in range(5 if i else 3)]
            weights = [(dy[j] + total).T @ p[j] for j in range(3)]  # D on real and on fake, and G
            total = 1e-30 * sum(y[0, 0] for y in forward + back + weights)
        return total

    @jax.jit
    def run_chunk(total, layers):
        return jax.lax.fori_loop(0, _dcgan.CHUNK, lambda _, total: one_step(total, layers), total)

    def run(steps: int) -> None:
        for _ in range(steps // _dcgan.CHUNK):
            jax.block_until_ready(run_chunk(jnp.float32(0), layers))

    return Contender(run, _dcgan.CHUNK, training.batch)


# The 1-D GAN


def toy(config: Config) -> dict[str, Contender]:
    """Steps of Algorithm 1 per second with the defaults of goodfellow_1d."""
    settings = goodfellow_1d.Config(seed=config.seed, seeds=1)
    contenders = {
        "NumPy, by hand": Contender(numpy_steps(settings), CHUNK),
        "JAX, 1 seed": Contender(jax_steps(settings, 1), CHUNK),
        f"JAX, {config.seeds} seeds": Contender(jax_steps(settings, config.seeds), CHUNK, config.seeds),
    }
    if find_spec("torch"):
        contenders["PyTorch, eager"] = Contender(torch_steps(settings, compiled=False), CHUNK)
        if config.compiled:
            contenders["PyTorch, compiled"] = Contender(torch_steps(settings, compiled=True), CHUNK)
    return contenders


CHUNK = goodfellow_1d.Config().steps // goodfellow_1d.CHUNKS  # steps that goodfellow_1d compiles into one call


def numpy_steps(settings: goodfellow_1d.Config) -> Callable[[int], object]:
    """numpy_gan.train_step with NumPy's own generator for noise and data."""
    rng = np.random.default_rng(settings.seed)
    widths = (1, *goodfellow_1d.HIDDEN, 1)
    units = numpy_gan.Units(settings.mean, settings.std)
    start = numpy_gan.init(numpy_gan.init_mlp(rng, widths), numpy_gan.init_mlp(rng, widths))
    constants = numpy_gan.Settings(
        lambda _: settings.rate_g,
        lambda _: settings.rate_d,
        settings.b1,
        settings.b2,
        r1=settings.r1 * units.scale**2,
        average=settings.average,
        units=units,
    )

    def run(steps: int):
        state = start
        for _ in range(steps):
            data = rng.normal(settings.mean, settings.std, size=(settings.k, settings.batch, 1))
            noise = rng.uniform(-1, 1, size=(settings.k + 1, settings.batch, 1))
            state, _ = numpy_gan.train_step(constants, state, data, noise[:-1], noise[-1])
        return state

    return run


def jax_steps(settings: goodfellow_1d.Config, seeds: int) -> Callable[[int], object]:
    """train.train as goodfellow_1d calls it, one chunk after another."""
    gan = goodfellow_1d.build(settings, numpy_gan.Units(settings.mean, settings.std))
    keys = jax.random.split(jax.random.key(settings.seed), seeds)
    start = jax.jit(jax.vmap(lambda key: train.init(gan, key)))(keys)
    sample = settings.p_data().sample
    advance = jax.jit(jax.vmap(lambda state, key: train.train(gan, state, sample, key, CHUNK)))

    def run(steps: int):
        state = start
        for _ in range(steps // CHUNK):
            state, _ = advance(state, keys)
        return jax.block_until_ready(state)

    return run


def torch_steps(settings: goodfellow_1d.Config, compiled: bool) -> Callable[[int], object]:
    """The same algorithm as a PyTorch user would write it; `compiled` wraps the two loss functions."""
    import torch
    from torch import nn
    from torch.nn.functional import softplus

    torch.manual_seed(settings.seed)
    mean, std = settings.mean, settings.std

    def mlp(activation: Callable[[], nn.Module]) -> nn.Module:
        first, second = goodfellow_1d.HIDDEN
        return nn.Sequential(
            nn.Linear(1, first), activation(), nn.Linear(first, second), activation(), nn.Linear(second, 1)
        )

    g, d = mlp(nn.Tanh), mlp(lambda: nn.LeakyReLU(networks.LEAK))
    average = [p.detach().clone() for p in g.parameters()]
    betas = (settings.b1, settings.b2)
    optimizer_g = torch.optim.Adam(g.parameters(), settings.rate_g, betas)
    optimizer_d = torch.optim.Adam(d.parameters(), settings.rate_d, betas)
    decays = [
        torch.optim.lr_scheduler.LinearLR(optimizer_g, 1.0, 0.0, settings.steps),
        torch.optim.lr_scheduler.LinearLR(optimizer_d, 1.0, 0.0, settings.steps * settings.k),
    ]

    def generate(z):
        return mean + std * g(z)

    def judge(x):
        return d((x - mean) / std)

    def loss_d(x, fake):
        x = x.requires_grad_(True)
        real = judge(x)
        (slope,) = torch.autograd.grad(real.sum(), x, create_graph=True)
        loss = softplus(-real).mean() + softplus(judge(fake)).mean()
        return loss + settings.r1 * std**2 / 2 * slope.square().sum(1).mean()

    def loss_g(z):
        return softplus(-judge(generate(z))).mean()

    if compiled:
        # Double backward, which R1 needs, is beyond torch.compile's reach; the rest it can compile.
        generate, loss_g = torch.compile(generate), torch.compile(loss_g)

    def run(steps: int):
        for _ in range(steps):
            for _ in range(settings.k):
                x = mean + std * torch.randn(settings.batch, 1)
                with torch.no_grad():
                    fake = generate(2 * torch.rand(settings.batch, 1) - 1)
                optimizer_d.zero_grad()
                loss_d(x, fake).backward()
                optimizer_d.step()
                decays[1].step()
            optimizer_g.zero_grad()
            loss_g(2 * torch.rand(settings.batch, 1) - 1).backward()
            optimizer_g.step()
            decays[0].step()
            with torch.no_grad():
                torch._foreach_lerp_(average, list(g.parameters()), 1 - settings.average)

    return run


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
