"""What a step of a DCGAN asks of a device, counted from its layers: products, traffic with the memory, parameters.

With M multiply-adds of a network on one image, F of them in its first layer, a step of Algorithm 1 with k = 1 takes

    D's turn:   G forward (M_G); D forward on a real image and on a fake (2 M_D), and back to its weights (2 M_D)
                and to every layer's input but the first's (2 M_D - 2 F_D)
    G's turn:   G and D forward (M_G + M_D), back through D to the image (M_D), to G's weights (M_G) and to every
                layer's input but the noise (M_G - F_G)

which are 4 M_G - F_G + 8 M_D - 2 F_D multiply-adds, of two FLOPs each. In each of these passes a layer has to read its
input and its weights and to write its output at least: everything between two layers is taken to be computed on the
way, and caches to hold nothing. Adam reads and writes each parameter and its two moments, and reads the gradient; an
average of G is read and written once more.
"""

from dataclasses import dataclass

from experiments.image_runs.settings import Training
from experiments.timing.layers import KERNEL, layers_of
from experiments.timing.layers import Layer as Convolution
from gan_from_scratch.images.networks import image_levels

FLOAT32 = 4  # bytes
ADAM, AVERAGE = 7, 2  # numbers read or written for each parameter


@dataclass(frozen=True)
class Layer:
    """Of a network, for one image: multiply-adds, numbers in, numbers out, weights."""

    products: int
    inputs: int
    outputs: int
    weights: int


def dense(inputs: int, outputs: int) -> Layer:
    return Layer(inputs * outputs, inputs, outputs, inputs * outputs)


def convolution(layer: Convolution, transposed: bool) -> Layer:
    large, small = layer.size**2 * layer.c_in, (layer.size // 2) ** 2 * layer.c_out
    weights = KERNEL**2 * layer.c_in * layer.c_out
    inputs, outputs = (small, large) if transposed else (large, small)
    return Layer((layer.size // 2) ** 2 * weights, inputs, outputs, weights)


def players(training: Training, shape: tuple[int, int, int]) -> tuple[list[Layer], list[Layer]]:
    """G's layers and D's, first to last. BatchNorm's and biases' parameters, under a hundredth, are left out."""
    size, _, channels = shape
    base, _ = image_levels(size)
    convolutions = layers_of(size, channels, training.width)
    flat, hidden = base**2 * convolutions[-1].c_out, training.hidden
    into = [dense(training.noise_dim, hidden), dense(hidden, flat)] if hidden else [dense(training.noise_dim, flat)]
    out_of = [dense(flat, hidden), dense(hidden, 1)] if hidden else [dense(flat, 1)]
    g = into + [convolution(layer, transposed=True) for layer in reversed(convolutions)]
    d = [convolution(layer, transposed=False) for layer in convolutions] + out_of
    return g, d


@dataclass(frozen=True)
class Work:
    """Of one step: FLOPs and bytes for each image, bytes whatever the batch, parameters of both players."""

    flops: int
    bytes_for_an_image: int
    bytes_for_parameters: int
    parameters: int


def of_a_step(training: Training, shape: tuple[int, int, int], bytes_each: int) -> Work:
    """With k = 1, activations and products of so many `bytes_each`, parameters and moments of float32."""
    g, d = players(training, shape)
    passes_g, passes_d = passes(g, forward=2, to_weights=1, to_inputs=1, first=0), passes(d, 3, 2, 3, 1)
    flops = sum(2 * layer.products * sum(times) for layer, times in zip(g + d, passes_g + passes_d, strict=True))
    moved = sum(
        (layer.inputs + layer.outputs) * sum(times) for layer, times in zip(g + d, passes_g + passes_d, strict=True)
    )
    parameters_g, parameters_d = (sum(layer.weights for layer in player) for player in (g, d))
    read = sum(layer.weights * sum(times) for layer, times in zip(g + d, passes_g + passes_d, strict=True))
    kept = FLOAT32 * (ADAM * (parameters_g + parameters_d) + AVERAGE * parameters_g * bool(training.average))
    return Work(flops, bytes_each * moved, bytes_each * read + kept, parameters_g + parameters_d)


def passes(
    player: list[Layer], forward: int, to_weights: int, to_inputs: int, first: int
) -> list[tuple[int, int, int]]:
    """How often each layer is passed: forward, back to its weights, back to its input; `first` is its first layer's."""
    return [(forward, to_weights, to_inputs if i else first) for i in range(len(player))]
