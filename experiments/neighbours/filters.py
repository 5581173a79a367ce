"""Networks whose features style transfer compares: random filters, or those that our CIFAR-10 classifier has learnt.

A network is a list of blocks, a block a list of layers, a layer (kernel (c_out, k, k, c_in), bias (c_out,)). Between
blocks 2 x 2 places become their mean. A kernel of even size halves the picture too, as in networks.Classifier.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from experiments.image_runs.classifier import Judge
from gan_from_scratch.images.convolution import convolve

Network = list[list[tuple[Array, Array]]]

BLOCKS = (2, 2, 1)  # layers of each: VGG's beginning (Simonyan & Zisserman 2015), which Gatys et al. use, with 3 x 3
CLASSIFIER_LAYERS, CLASSIFIER_WIDEST = 5, 128  # and the channels of its last
SHRINKS = 4  # both halve a picture twice: its sides must be multiples of this
CONTRAST = 1 / 255  # a picture of one colour is taken to have one of a byte
NORM_EPSILON = 1e-5  # flax's BatchNorm's


def random_network(key: Array, width: int, around: Array, blocks: Sequence[int] = BLOCKS) -> Network:
    """Normal filters with He et al. 2015's variance, 2 / (9 c_in), which ReLU hands on from layer to layer.

    The first layer sees (x - mean) / deviation of the picture `around`, so that ReLU's kink lies among its colours.
    """
    network, channels = [], 3
    for i, depth in enumerate(blocks):
        block = []
        for j in range(depth):
            draw = jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, i), j), (width, 3, 3, channels))
            block.append((draw * jnp.sqrt(2 / (9 * channels)), jnp.zeros(width)))
            channels = width
        network.append(block)
    return centred(network, around.mean(axis=(0, 1)), jnp.maximum(around.std(), CONTRAST))


def networks_around(picture: Array, key: Array, n: int, width: int, learnt: Network | None = None) -> list[Network]:
    """n random networks, of which a learnt one takes the first's place."""
    networks = [random_network(key, width, picture) for key in jax.random.split(key, n)]
    return networks if learnt is None else [learnt, *networks[1:]]


def of_classifier(judge: Judge) -> Network:
    """Its convolutions, with what BatchNorm does after each, an affine map once it is trained, put into them.

    It has learnt from images in [-1, 1].
    """
    params, stats = judge.variables["params"], judge.variables["batch_stats"]
    block = []
    for i in range(CLASSIFIER_LAYERS):
        norm, seen = params[f"norm_{i}"], stats[f"norm_{i}"]
        scale = norm["scale"] / jnp.sqrt(seen["var"] + NORM_EPSILON)
        kernel = params[f"conv_{i}"]["kernel"] * scale[:, None, None, None]
        block.append((kernel, norm["bias"] - seen["mean"] * scale))
    return centred([block], jnp.full(3, 0.5), jnp.float32(0.5))


def centred(network: Network, mean: Array, deviation: Array) -> Network:
    """The network that sees in x what the given one sees in (x - mean) / deviation."""
    ((kernel, bias), *layers), *blocks = network
    kernel = kernel / deviation
    return [[(kernel, bias - jnp.einsum("orsc,c->o", kernel, mean)), *layers], *blocks]


def features(network: Network, x: Array, activation: Callable[[Array], Array] = jax.nn.relu) -> list[Array]:
    """F of each layer, (N channels, M places), of a picture x (h, w, 3) in [0, 1].

    The convolutions are circular: a picture goes on at its opposite edge, so that no place is special.
    """
    h, found = x[None], []
    for i, block in enumerate(network):
        h = halved(h) if i else h
        for kernel, bias in block:
            size = kernel.shape[1]
            stride = 1 if size % 2 else 2
            before = (size - stride) // 2
            borders = (before, size - stride - before)
            around = jnp.pad(h, ((0, 0), borders, borders, (0, 0)), mode="wrap")
            h = activation(convolve(around, kernel, stride, 0) + bias)
            found.append(h.reshape(-1, h.shape[-1]).T)
    return found


def halved(h: Array) -> Array:
    """The means of 2 x 2 places."""
    n, height, width, channels = h.shape
    return h.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))
