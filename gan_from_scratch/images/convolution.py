"""Convolution and transposed convolution, as one matrix product each.

A convolution takes every k x k patch of its input and multiplies it with the same matrix:

    y = P(x) K^T

P(x) has a row for each place, the k*k*c numbers of its patch, and K a row for each output channel. P only copies, so it
is linear, and so is its adjoint P^T, which adds every patch to the place it came from.
By the chain rule the gradient in x is P^T(dy K) and the one in K is dy^T P(x). A transposed convolution is the map that
the first of these applies to dy, with weights of its own:

    x = P^T(y K)

With stride s it makes an image s times as large. Both are written in plain array operations, so every transformation
of JAX applies to them: gradients of gradients (the R1 penalty's), forward derivatives, `vmap` over images or kernels.

On a CPU this is faster than the library's convolution (XLA leaves its good one inside a loop, jax-ml/jax#12868): two
copies and a matrix product. Where the kernel is twice the stride, winograd.py needs fewer products still. On a GPU or
TPU the library is called. Tests hold all three against each other. Images are (n, height, width, channels).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gan_from_scratch.images.winograd import convolve_by_tiles, convolve_transposed_by_tiles

# Of the larger image. With fewer, the nine products are too small to pay for the sums around them (timed, 1 to 64).
CHANNELS_FOR_TILES = 8


def convolve(
    x: Float[Array, "n h w c_in"], kernel: Float[Array, "c_out k k c_in"], stride: int, padding: int
) -> Float[Array, "n h_out w_out c_out"]:
    """Slide the kernel over x, `padding` zeros around it: h_out = (h + 2 padding - k) / stride + 1.

    ValueError unless `stride` divides k and the padded height and width: then no pixel is left out, and inner pixels
    are all seen equally often. (Where they are not, G paints checkerboards: Odena et al. 2016.)
    """
    k = kernel.shape[1]
    h, w = (size + 2 * padding for size in x.shape[1:3])
    check_multiples(stride, {"the kernel's size": k, "the padded height": h, "the padded width": w})
    if k > min(h, w):
        raise ValueError(f"the kernel's size is {k}, but must be at most that of the padded image, {h} x {w}")
    if jax.default_backend() != "cpu":
        form = convolve_by_library
    else:
        form = convolve_by_tiles if tiles_serve(kernel, stride) else convolve_by_patches
    return form(x, kernel, stride, padding)


def convolve_transposed(
    y: Float[Array, "n h w c_in"], kernel: Float[Array, "c_in k k c_out"], stride: int, padding: int
) -> Float[Array, "n h_out w_out c_out"]:
    """The adjoint of `convolve` with the same kernel: h_out = (h - 1) stride + k - 2 padding.

    ValueError unless `stride` divides k.
    """
    check_multiples(stride, {"the kernel's size": kernel.shape[1]})
    if jax.default_backend() != "cpu":
        form = convolve_transposed_by_library
    else:
        form = convolve_transposed_by_tiles if tiles_serve(kernel, stride) else convolve_transposed_by_patches
    return form(y, kernel, stride, padding)


def check_multiples(stride: int, sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        if size % stride:
            raise ValueError(f"{name} is {size}, but must be a multiple of the stride {stride}")


def tiles_serve(kernel: Float[Array, "c_small k k c_large"], stride: int) -> bool:
    """Whether they are faster, and as accurate: of bfloat16's 8 bits the sums before their products cost two."""
    return kernel.shape[1] == 2 * stride and kernel.shape[3] >= CHANNELS_FOR_TILES and kernel.dtype != jnp.bfloat16


def convolve_by_patches(x: Array, kernel: Array, stride: int, padding: int) -> Array:
    """y = P(x) K^T."""
    c_out, k, _, _ = kernel.shape
    rows = patches(jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0))), k, stride)
    return rows @ kernel.reshape(c_out, -1).T


def convolve_transposed_by_patches(y: Array, kernel: Array, stride: int, padding: int) -> Array:
    """x = P^T(y K)."""
    c_in, k, _, _ = kernel.shape
    n, h, w, _ = y.shape
    # As one flat product: four-dimensional, XLA's gradient in the kernel was slower when timed.
    rows = y.reshape(n * h * w, c_in) @ kernel.reshape(c_in, -1)
    x = add_patches(rows.reshape(n, h, w, -1), k, stride)
    return x[:, padding : x.shape[1] - padding, padding : x.shape[2] - padding]


def convolve_by_library(x: Array, kernel: Array, stride: int, padding: int) -> Array:
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "OHWI", "NHWC")
    )


def convolve_transposed_by_library(y: Array, kernel: Array, stride: int, padding: int) -> Array:
    """A convolution with the kernel turned by 180 degrees, over y with stride - 1 zeros between its pixels."""
    border = kernel.shape[1] - 1 - padding
    return jax.lax.conv_general_dilated(
        y,
        kernel[:, ::-1, ::-1],
        (1, 1),
        [(border, border)] * 2,
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", "IHWO", "NHWC"),
    )


def patches(x: Float[Array, "n h w c"], k: int, stride: int) -> Float[Array, "n rows cols patch"]:
    """P: the k x k patch at every place, `stride` pixels apart, each flattened as (row, column, channel).

    As `stride` divides k, h and w, that many neighbouring pixels of a row are read as one, and P is k * k / stride
    slices.
    """
    n, h, w, c = x.shape
    rows, cols = (h - k) // stride + 1, (w - k) // stride + 1
    x = x.reshape(n, h, w // stride, stride * c)
    slices = [
        x[:, i : i + stride * rows - stride + 1 : stride, j : j + cols] for i in range(k) for j in range(k // stride)
    ]
    return jnp.concatenate(slices, axis=-1)


def add_patches(y: Float[Array, "n rows cols patch"], k: int, stride: int) -> Float[Array, "n h w c"]:
    """P^T: the image in which every patch is added to the place that `patches` took it from."""
    n, rows, cols, length = y.shape
    steps = k // stride  # a patch covers steps x steps blocks of stride x stride pixels
    y = y.reshape(n, rows, cols, steps, stride, steps, length // (k * steps))
    # Taken apart by unstack, whose derivative is one copy; that of indexing would add up steps^2 padded ones.
    blocks = sum(
        jnp.pad(
            block.transpose(0, 1, 3, 2, 4),  # (n, rows, row in block, cols, a block's row of pixels)
            ((0, 0), (i, steps - 1 - i), (0, 0), (j, steps - 1 - j), (0, 0)),
        )
        for i, line in enumerate(jnp.unstack(y, axis=3))
        for j, block in enumerate(jnp.unstack(line, axis=4))
    )
    return blocks.reshape(n, stride * (rows + steps - 1), stride * (cols + steps - 1), length // k**2)
