"""The contenders of benchmark toy: a step of the 1-D GAN with the defaults of goodfellow_1d."""

from collections.abc import Callable
from importlib.util import find_spec

import jax
import numpy as np

from experiments.command.memory import check_training
from experiments.gan_1d.backends import CHUNKS, constants_in_numpy
from experiments.gan_1d.build import HIDDEN, build
from experiments.gan_1d.settings import Settings
from experiments.timing.turns import Contender
from gan_from_scratch import numpy_gan, train
from gan_from_scratch.layers import LEAK


def contenders(seed: int, seeds: int, compiled: bool) -> dict[str, Contender]:
    """Steps of Algorithm 1 per second with the defaults of goodfellow_1d."""
    settings = Settings()
    gan = build(settings, numpy_gan.Units(settings.mean, settings.std))
    check_training("seeds", gan, settings.p_data().sample, seeds)
    found = {
        "NumPy, by hand": Contender(numpy_steps(settings, seed), CHUNK),
        "JAX, 1 seed": Contender(jax_steps(settings, seed, 1), CHUNK),
        f"JAX, {seeds} seeds": Contender(jax_steps(settings, seed, seeds), CHUNK, seeds),
    }
    if find_spec("torch"):
        found["PyTorch, eager"] = Contender(torch_steps(settings, seed, compiled=False), CHUNK)
        if compiled:
            found["PyTorch, compiled"] = Contender(torch_steps(settings, seed, compiled=True), CHUNK)
    return found


CHUNK = Settings().steps // CHUNKS  # steps that goodfellow_1d compiles into one call


def numpy_steps(settings: Settings, seed: int) -> Callable[[int], object]:
    """numpy_gan.train_step with NumPy's own generator for noise and data."""
    rng = np.random.default_rng(seed)
    widths = (1, *HIDDEN, 1)
    units = numpy_gan.Units(settings.mean, settings.std)
    start = numpy_gan.init(numpy_gan.init_mlp(rng, widths), numpy_gan.init_mlp(rng, widths))
    constants = constants_in_numpy(settings, units)

    def run(steps: int):
        state = start
        for _ in range(steps):
            data = rng.normal(settings.mean, settings.std, size=(settings.k, settings.batch, 1))
            noise = rng.uniform(-1, 1, size=(settings.k + 1, settings.batch, 1))
            state, _ = numpy_gan.train_step(constants, state, data, noise[:-1], noise[-1])
        return state

    return run


def jax_steps(settings: Settings, seed: int, seeds: int) -> Callable[[int], object]:
    """train.train as goodfellow_1d calls it, one chunk after another."""
    gan = build(settings, numpy_gan.Units(settings.mean, settings.std))
    keys = jax.random.split(jax.random.key(seed), seeds)
    start = jax.jit(jax.vmap(lambda key: train.init(gan, key)))(keys)
    sample = settings.p_data().sample
    advance = jax.jit(jax.vmap(lambda state, key: train.train(gan, state, sample, key, CHUNK)))

    def run(steps: int):
        state = start
        for _ in range(steps // CHUNK):
            state, _ = advance(state, keys)
        return jax.block_until_ready(state)

    return run


def torch_steps(settings: Settings, seed: int, compiled: bool) -> Callable[[int], object]:
    """The same algorithm as a PyTorch user would write it; `compiled` wraps the two loss functions."""
    import torch
    from torch import nn
    from torch.nn.functional import softplus

    torch.manual_seed(seed)
    mean, std = settings.mean, settings.std

    def mlp(activation: Callable[[], nn.Module]) -> nn.Module:
        first, second = HIDDEN
        return nn.Sequential(
            nn.Linear(1, first), activation(), nn.Linear(first, second), activation(), nn.Linear(second, 1)
        )

    g, d = mlp(nn.Tanh), mlp(lambda: nn.LeakyReLU(LEAK))
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
