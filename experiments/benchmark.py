"""Steps per second of the 1-D GAN: by hand in NumPy, in JAX, and in PyTorch if it is installed (about 1 minute).

All run the same networks, batch, k, optimizer and penalty, the defaults of goodfellow_1d, in turns in one process:
round after round, so that what else the machine does meets each of them. Writes result.json and prints a table.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import jax
import numpy as np
import tyro

from experiments import _script, goodfellow_1d
from gan_from_scratch import check, networks, numpy_gan, train


@dataclass(frozen=True)
class Config:
    """Which benchmark, and how long."""

    what: Annotated[Literal["toy"], tyro.conf.Positional] = "toy"
    """toy: the 1-D GAN."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/benchmark")
    """Folder for the result."""
    rounds: int = 7
    """How often each contender is timed; the median counts."""
    seconds: float = 1.0
    """How long each contender runs in a round, about."""
    seeds: int = 32
    """How many GANs JAX trains together in its second entry."""
    compiled: bool = True
    """Also time torch.compile, which needs a C++ compiler and a minute."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        check.positive_integer("rounds", self.rounds)
        check.positive_integer("seeds", self.seeds)
        check.positive("seconds", self.seconds)


# A contender runs n steps when called with n, and trains `gans` GANs at once.
Contender = tuple[Callable[[int], object], int]


def main(config: Config) -> None:
    """Build the contenders, time them in turns, print and save."""
    started = time.perf_counter()
    _script.prepare_folder(config.out)
    settings = goodfellow_1d.Config(seed=config.seed, seeds=1)
    contenders: dict[str, Contender] = {
        "NumPy, by hand": (numpy_steps(settings), 1),
        "JAX, 1 seed": (jax_steps(settings, 1), 1),
        f"JAX, {config.seeds} seeds": (jax_steps(settings, config.seeds), config.seeds),
    }
    if find_spec("torch"):
        contenders["PyTorch, eager"] = (torch_steps(settings, compiled=False), 1)
        if config.compiled:
            contenders["PyTorch, compiled"] = (torch_steps(settings, compiled=True), 1)

    rounds = {name: [] for name in contenders}
    with _script.progress_bar() as bar:
        task = bar.add_task("rounds", total=config.rounds, numbers="compiling")
        steps = {name: steps_for(run, config.seconds) for name, (run, _) in contenders.items()}
        for _ in range(config.rounds):
            for name, (run, gans) in contenders.items():
                bar.update(task, numbers=name)
                rounds[name].append(gans * steps[name] / seconds_of(run, steps[name]))
            bar.advance(task)

    numbers = {
        name: {
            "gan_steps_per_second": float(np.median(speeds)),
            "slowest_round": min(speeds),
            "fastest_round": max(speeds),
        }
        for name, speeds in rounds.items()
    }
    eager = rounds.get("PyTorch, eager")
    for name, row in numbers.items():
        # Ratios are taken inside each round, where both met the same machine.
        row["times_pytorch_eager"] = float(np.median(np.divide(rounds[name], eager))) if eager else None
    torch_version = version("torch") if eager else None
    _script.save_result(config.out, config, started, {"pytorch": torch_version, "contenders": numbers})

    print(f"{os.cpu_count()} cores, PyTorch {torch_version or 'not installed'}; medians of {config.rounds} rounds")
    print(f"{'':20}{'GAN steps/s':>14}{'range':>20}{'x PyTorch eager':>18}")
    for name, row in numbers.items():
        span = f"{row['slowest_round']:,.0f}-{row['fastest_round']:,.0f}"
        ratio = f"{row['times_pytorch_eager']:.1f}" if eager else "-"
        print(f"{name:20}{row['gan_steps_per_second']:14,.0f}{span:>20}{ratio:>18}")


def seconds_of(run: Callable[[int], object], steps: int) -> float:
    started = time.perf_counter()
    run(steps)
    return time.perf_counter() - started


def steps_for(run: Callable[[int], object], seconds: float) -> int:
    """A whole number of CHUNKs of steps that takes about `seconds`, after a warm-up that also compiles."""
    run(CHUNK)
    return CHUNK * max(1, round(seconds / seconds_of(run, CHUNK)))


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
