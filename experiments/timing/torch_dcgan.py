"""The DCGAN as a PyTorch user would write it: what ours is held against, in speed and in what it learns.

Networks, initial weights' distribution, optimizer and order of updates are those of images/networks.py and train.py.
"""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from experiments.image_runs.settings import Training
from gan_from_scratch.images.networks import image_levels
from gan_from_scratch.layers import LEAK


class Generator(nn.Module):
    """Noise (n, noise_dim) to images (n, channels, size, size)."""

    def __init__(self, size: int, channels: int, width: int, hidden: int, noise_dim: int):
        super().__init__()
        self.base, levels = image_levels(size)
        widths = [width * 2**level for level in reversed(range(levels))]
        first = []
        if hidden:
            first = [nn.Linear(noise_dim, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
        self.project = nn.Sequential(*first, nn.Linear(hidden or noise_dim, widths[0] * self.base**2, bias=False))
        layers = [nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for before, after in itertools.pairwise(widths):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh())

    def forward(self, z):
        h = self.project(z).unflatten(1, (-1, self.base, self.base))
        return self.layers(h)


class Discriminator(nn.Module):
    """Images to logits (n,)."""

    def __init__(self, size: int, channels: int, width: int, hidden: int):
        super().__init__()
        base, levels = image_levels(size)
        widths = [width * 2**level for level in range(levels)]
        layers = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(LEAK)]
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after)]
            layers += [nn.LeakyReLU(LEAK)]
        layers += [nn.Flatten()]
        if hidden:
            layers += [nn.Linear(widths[-1] * base**2, hidden, bias=False), nn.BatchNorm1d(hidden)]
            layers += [nn.LeakyReLU(LEAK)]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden or widths[-1] * base**2, 1))

    def forward(self, x):
        return self.layers(x)[:, 0]


def start(module: nn.Module) -> None:
    """Radford et al. 2016: weights N(0, .02), BatchNorm's scales N(1, .02), biases 0."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)


def trainer(
    training: Training,
    images: np.ndarray,
    seed: int,
    channels_last: bool = False,
    compiled: bool = False,
    bfloat16: bool = False,
) -> tuple[Callable[[int], None], Callable[[int], np.ndarray]]:
    """run(steps) takes that many steps of Algorithm 1 with k = 1; make(n) returns n images uint8 (n, h, w, c).

    `images` are uint8 (n, h, w, c). The variants are those that PyTorch's documentation recommends for speed.
    """
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layout = torch.channels_last if channels_last else torch.contiguous_format
    data = torch.as_tensor(images, device=device).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    size, channels = images.shape[1], images.shape[3]
    widths = size, channels, training.width, training.hidden
    g = Generator(*widths, training.noise_dim).apply(start).to(device, memory_format=layout)
    d = Discriminator(*widths).apply(start).to(device, memory_format=layout)
    betas = (training.b1, training.b2)
    optimizer_g = torch.optim.Adam(g.parameters(), training.rate_g, betas, foreach=True)
    optimizer_d = torch.optim.Adam(d.parameters(), training.rate_d, betas, foreach=True)
    average = [parameter.detach().clone() for parameter in g.parameters()]

    def noise(n: int):
        return torch.randn(n, training.noise_dim, device=device)

    def loss_d(x, fake):
        return softplus(-d(x)).mean() + softplus(d(fake)).mean()

    def loss_g(z):
        return softplus(-d(g(z))).mean()

    generate = g.forward
    if compiled:
        generate, loss_d, loss_g = torch.compile(generate), torch.compile(loss_d), torch.compile(loss_g)
    precision = torch.autocast(device, torch.bfloat16, enabled=bfloat16)

    def run(steps: int) -> None:
        for _ in range(steps):
            x = data[torch.randint(len(data), (training.batch,), device=device)].float() / 127.5 - 1
            with torch.no_grad(), precision:
                fake = generate(noise(training.batch))
            optimizer_d.zero_grad()
            with precision:
                loss = loss_d(x, fake)
            loss.backward()
            optimizer_d.step()
            d.requires_grad_(False)  # saves the gradients of D's weights in G's step
            optimizer_g.zero_grad()
            with precision:
                loss = loss_g(noise(training.batch))
            loss.backward()
            optimizer_g.step()
            d.requires_grad_(True)
            with torch.no_grad():  # nothing reads the average: it is here because a step of ours pays for one
                torch._foreach_lerp_(average, list(g.parameters()), 1 - training.average)
        if device == "cuda":
            torch.cuda.synchronize()

    def make(n: int) -> np.ndarray:
        g.eval()
        with torch.no_grad():
            parts = [g(noise(min(500, n - i))) for i in range(0, n, 500)]
        g.train()
        x = torch.cat(parts).permute(0, 2, 3, 1)
        return ((x + 1) * 127.5).round().to(torch.uint8).cpu().numpy()

    return run, make
