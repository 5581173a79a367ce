"""Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), as executable, tested code.

Read the files in this order:

    losses         the value V(D, G) and both generator losses, as functions of D's logits
    theory         the optimal D, KL, JSD and C(G) = -log 4 + 2 JSD, on densities
    distributions  toy distributions that can be sampled and whose density and cdf are known
    numpy_gan      the whole GAN by hand: forward, backward, Adam, Algorithm 1
    networks       the same networks in Flax; layers: two numbers that they share
    train          the same GAN by automatic differentiation
    remedies       what is added to the paper's algorithm, each in one of the seats that train offers
    collapse       what is added against mode collapse
    dynamics       the game as a vector field: the Dirac-GAN, Jacobians, eigenvalues
    metrics        how far the generated distribution is from the true one
    checkpoint     runs that go on after an interruption
    check          the sentences that bad input ends in
    images         what images add: convolution, networks, metrics, data
    neighbours     networks of the methods beside GANs
    dcgan          the DCGAN's two players in one GAN, with Radford's settings
    data           arrays of your own to learn from; MNIST and CIFAR-10, handed on from images

Each is there as `gan_from_scratch.train`, say, and is imported when that is first asked for.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules


def lazy(package: str, path: Sequence[str]) -> tuple[Callable, Callable]:
    """`__getattr__` and `__dir__` (PEP 562) of a package: its files are imported when first asked for."""
    files = sorted(file.name for file in iter_modules(path) if not file.name.startswith("_"))

    def get(name: str):
        if name in files:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: files


__getattr__, __dir__ = lazy(__name__, __path__)
