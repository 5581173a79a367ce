"""The paper's GAN for MNIST as a PyTorch user would write it, for benchmark images.

Networks, initial weights' distribution, rule and order are those of images/goodfellow.py and image_runs/goodfellow.py,
with both players' steps at once.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from experiments.image_runs.goodfellow import (
    FURTHEST,
    LAST_MOMENTUM,
    MOMENTUM,
    RISEN,
    PaperTraining,
    steps_in_an_epoch,
)
from gan_from_scratch.images.goodfellow import DROPPED_PIXELS, DROPPED_UNITS, RANGE_D, RANGE_G


class Maxout(nn.Module):
    """Each unit is the largest of `pieces` affine maps."""

    def __init__(self, fan_in: int, units: int, pieces: int):
        super().__init__()
        self.maps = nn.Linear(fan_in, units * pieces)
        self.pieces = pieces

    def forward(self, h):
        return self.maps(h).unflatten(1, (-1, self.pieces)).amax(dim=2)


def generator(noise_dim: int, width: int, pixels: int) -> nn.Sequential:
    """Noise (n, noise_dim) to pixels (n, pixels) in [0, 1]."""
    return nn.Sequential(
        nn.Linear(noise_dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, pixels),
        nn.Sigmoid(),
    )  # fmt: skip


def discriminator(pixels: int, width: int, pieces: int, dropout: bool = True) -> nn.Sequential:
    """Pixels (n, pixels) to logits (n, 1)."""
    of_pixels, of_units = (share if dropout else 0.0 for share in (DROPPED_PIXELS, DROPPED_UNITS))
    return nn.Sequential(
        nn.Dropout(of_pixels), Maxout(pixels, width, pieces),
        nn.Dropout(of_units), Maxout(width, width, pieces),
        nn.Dropout(of_units), nn.Linear(width, 1),
    )  # fmt: skip


def start(players: Sequence[nn.Module], bias: Sequence[float]) -> None:
    """G's and D's weights uniform, biases 0, but for those of G's pixels."""
    with torch.no_grad():
        for player, bound in zip(players, (RANGE_G, RANGE_D), strict=True):
            for layer in player.modules():
                if isinstance(layer, nn.Linear):
                    layer.weight.uniform_(-bound, bound)
                    layer.bias.zero_()
        players[0][-2].bias.copy_(torch.tensor(bias))


def both_steps(g: nn.Module, d: nn.Module, optimizers: Sequence, x, z) -> None:
    """A step of each player from where both stand, on data x and noise z."""
    fake = g(z)
    loss_d = softplus(-d(x)).mean() + softplus(d(fake.detach())).mean()
    for parameter, slope in zip(d.parameters(), torch.autograd.grad(loss_d, list(d.parameters())), strict=True):
        parameter.grad = slope
    loss_g = softplus(-d(fake)).mean()
    for parameter, slope in zip(g.parameters(), torch.autograd.grad(loss_g, list(g.parameters())), strict=True):
        parameter.grad = slope
    for optimizer in optimizers:
        optimizer.step()


def trainer(
    training: PaperTraining, images: np.ndarray, bias: Sequence[float], seed: int, compiled: bool = False
) -> Callable[[int], None]:
    """run(steps) takes that many steps on images uint8 (n, h, w, c)."""
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = torch.as_tensor(images.reshape(len(images), -1), device=device)
    pixels = data.shape[1]
    g = generator(training.noise_dim, training.width_g, pixels)
    d = discriminator(pixels, training.width_d, training.pieces, training.dropout)
    start((g, d), bias)
    g, d = g.to(device), d.to(device)
    optimizers = [
        torch.optim.SGD(player.parameters(), rate, MOMENTUM, foreach=True)
        for player, rate in ((g, training.rate_g), (d, training.rate_d))
    ]
    average = [parameter.detach().clone() for parameter in g.parameters()]
    players = [torch.compile(player) for player in (g, d)] if compiled else [g, d]
    rising = RISEN * steps_in_an_epoch(training, len(images))
    done = 0

    def run(steps: int) -> None:
        nonlocal done
        for _ in range(steps):
            x = data[torch.randint(len(data), (training.batch,), device=device)].float() / 255
            z = (2 * torch.rand(training.batch, training.noise_dim, device=device) - 1) * FURTHEST
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["momentum"] = MOMENTUM + (LAST_MOMENTUM - MOMENTUM) * min(1, done / rising)
            both_steps(*players, optimizers, x, z)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] /= 1 + training.shrinking
            with torch.no_grad():  # nothing reads the average: it is here because a step of ours pays for one
                torch._foreach_lerp_(average, list(g.parameters()), 1 - training.average)
            done += 1
        if device == "cuda":
            torch.cuda.synchronize()

    return run
