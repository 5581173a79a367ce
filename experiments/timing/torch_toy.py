"""The 1-D GAN as a PyTorch user would write it: one seed, eager or compiled, or an ensemble of seeds by torch.func.

Networks, optimizer, penalty and order of updates are those of goodfellow_1d with its defaults.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from experiments.gan_1d.build import HIDDEN
from experiments.gan_1d.settings import Settings
from gan_from_scratch.layers import LEAK

Network = Callable[[Tensor], Tensor]


def steps(
    settings: Settings, seed: int, compiled: bool = False, seeds: int | None = None
) -> Callable[[int], list[Tensor]]:
    """run(n) takes n steps of Algorithm 1; `compiled` wraps what torch.compile can take. It returns the parameters.

    With `seeds` so many GANs at once: parameters and batches have a leading axis, over which torch.func.vmap goes.
    """
    torch.manual_seed(seed)
    mean, std = settings.mean, settings.std
    shape = (settings.batch, 1) if seeds is None else (seeds, settings.batch, 1)
    g, parameters_g = network(nn.Tanh, seeds)
    d, parameters_d = network(lambda: nn.LeakyReLU(LEAK), seeds)
    average = [p.detach().clone() for p in parameters_g]
    betas = (settings.b1, settings.b2)
    optimizer_g = torch.optim.Adam(parameters_g, settings.rate_g, betas)
    optimizer_d = torch.optim.Adam(parameters_d, settings.rate_d, betas)
    decays = [
        torch.optim.lr_scheduler.LinearLR(optimizer_g, 1.0, 0.0, settings.steps),
        torch.optim.lr_scheduler.LinearLR(optimizer_d, 1.0, 0.0, settings.steps * settings.k),
    ]

    def generate(z: Tensor) -> Tensor:
        return mean + std * g(z)

    def judge(x: Tensor) -> Tensor:
        return d((x - mean) / std)

    def over_batch(x: Tensor) -> Tensor:
        return x.mean(dim=(-2, -1)).sum()  # each seed's own mean, so each has its own gradient

    def loss_d(x: Tensor, fake: Tensor) -> Tensor:
        x = x.requires_grad_(True)
        real = judge(x)
        (slope,) = torch.autograd.grad(real.sum(), x, create_graph=True)
        loss = over_batch(softplus(-real)) + over_batch(softplus(judge(fake)))
        return loss + settings.r1 * std**2 / 2 * over_batch(slope.square())

    def loss_g(z: Tensor) -> Tensor:
        return over_batch(softplus(-judge(generate(z))))

    if compiled:
        # Double backward, which R1 needs, is beyond torch.compile's reach; the rest it can compile.
        generate, loss_g = torch.compile(generate), torch.compile(loss_g)

    def run(n: int) -> list[Tensor]:
        for _ in range(n):
            for _ in range(settings.k):
                x = mean + std * torch.randn(shape)
                with torch.no_grad():
                    fake = generate(2 * torch.rand(shape) - 1)
                optimizer_d.zero_grad()
                loss_d(x, fake).backward()
                optimizer_d.step()
                decays[1].step()
            optimizer_g.zero_grad()
            loss_g(2 * torch.rand(shape) - 1).backward()
            optimizer_g.step()
            decays[0].step()
            with torch.no_grad():
                torch._foreach_lerp_(average, parameters_g, 1 - settings.average)
        return [*parameters_g, *parameters_d]

    return run


def network(activation: Callable[[], nn.Module], seeds: int | None) -> tuple[Network, list[Tensor]]:
    """Its function and its parameters: of one network, or of so many of them stacked."""
    first, second = HIDDEN

    def one() -> nn.Module:
        return nn.Sequential(
            nn.Linear(1, first), activation(), nn.Linear(first, second), activation(), nn.Linear(second, 1)
        )

    if seeds is None:
        module = one()
        return module, list(module.parameters())
    stacked, _ = torch.func.stack_module_state([one() for _ in range(seeds)])
    with torch.device("meta"):
        empty = one()  # gives the form alone, and draws no numbers
    each = torch.func.vmap(lambda parameters, x: torch.func.functional_call(empty, parameters, (x,)))
    return lambda x: each(stacked, x), list(stacked.values())
