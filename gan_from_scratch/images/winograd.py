"""A convolution whose kernel is twice its stride, as in a DCGAN, with nine products of blocks instead of sixteen.

Cut the image into blocks of s x s pixels, s the stride. The kernel covers 2 x 2 blocks and moves by one. Along a row of
blocks d0 d1 d2 the kernel's halves g0 g1 give two neighbouring outputs in four products,

    y0 = d0 g0 + d1 g1        y1 = d1 g0 + d2 g1

but three are enough (the method of Winograd 1980; Lavin & Gray 2016 have it for kernels of three and stride one):

    m0 = (d0 - d1) g0         m1 = d1 (g0 + g1)         m2 = (d2 - d1) g1
    y0 = m0 + m1              y1 = m1 + m2

In both directions that makes nine for sixteen, for a tile of 2 x 2 outputs from 3 x 3 blocks. With A the differences of
the blocks, and S the sums (g0, g1) -> (g0, g0 + g1, g1), whose adjoint S^T makes (y0, y1) of (m0, m1, m2),

    y = S^T [A(x) . S(K)^T]

where the dot is one matrix product for each of the nine. A and S only add, so hardly any accuracy is lost; tests hold
this form against the other two in convolution.py. Images are (n, height, width, channels).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def convolve_by_tiles(
    x: Float[Array, "n h w c_in"], kernel: Float[Array, "c_out k k c_in"], stride: int, padding: int
) -> Float[Array, "n h_out w_out c_out"]:
    """y = S^T [A(x) . S(K)^T], for k = 2 stride and a padded x that is a whole number of blocks."""
    n, (rows, cols) = len(x), [(size + 2 * padding) // stride for size in x.shape[1:3]]
    # A tile's last block is the next one's first, so there is one pair of blocks more than there are tiles. Padded for
    # both reasons at once: a second pad would be another copy.
    below, right = ((2 * (blocks // 2 + 1) - blocks) * stride for blocks in (rows, cols))
    x = jnp.pad(x, ((0, 0), (padding, padding + below), (padding, padding + right), (0, 0)))
    products = [d @ g.T for d, g in zip(differences(x, stride), sums_of_kernel(kernel), strict=True)]
    tiles = [m.reshape(n, rows // 2, cols // 2, -1) for m in products]
    lines = [jnp.stack(sums_transposed(tiles[i : i + 3]), axis=3) for i in (0, 3, 6)]
    y = jnp.stack(sums_transposed(lines), axis=2)  # (n, tiles, row in tile, tiles, column in tile, c_out)
    return y.reshape(n, rows // 2 * 2, cols // 2 * 2, -1)[:, : rows - 1, : cols - 1]


def convolve_transposed_by_tiles(
    y: Float[Array, "n h w c_in"], kernel: Float[Array, "c_in k k c_out"], stride: int, padding: int
) -> Float[Array, "n h_out w_out c_out"]:
    """The adjoint of the above in x: A^T [S(y) . S(K)]."""
    n, h, w, _ = y.shape
    h_out, w_out = (stride * (size + 1) - 2 * padding for size in (h, w))
    x = jax.ShapeDtypeStruct((n, h_out, w_out, kernel.shape[3]), y.dtype)
    return jax.linear_transpose(lambda x: convolve_by_tiles(x, kernel, stride, padding), x)(y)[0]


def sums(pair: Array) -> list[Array]:
    """S in one direction."""
    a, b = pair
    return [a, a + b, b]


def sums_transposed(triple: list[Array]) -> list[Array]:
    """S^T in one direction."""
    a, b, c = triple
    return [a + b, b + c]


def sums_of_kernel(kernel: Float[Array, "c_out k k c_in"]) -> list[Float[Array, "c_out block"]]:
    """S(K): nine matrices."""
    c_out, k, _, c_in = kernel.shape
    halves = kernel.reshape(c_out, 2, k // 2, 2, k // 2 * c_in).transpose(1, 3, 0, 2, 4).reshape(2, 2, c_out, -1)
    return [g for line in sums(halves) for g in sums(line)]


def differences(x: Float[Array, "n h w c"], stride: int) -> list[Float[Array, "tiles block"]]:
    """A(x), for x of whole pairs of blocks: nine matrices with a row for each tile, which begin at every pair."""
    n, h, w, c = x.shape
    tall, wide = h // (2 * stride), w // (2 * stride)
    x = x.reshape(n, tall, 2, stride, wide, 2, stride * c).transpose(0, 1, 2, 4, 5, 3, 6)
    x = x.reshape(n, tall, 2, wide, 2, -1)
    tiles = [d for line in differences_along(x, 1) for d in differences_along(line, 2)]
    return [d.reshape(-1, stride * stride * c) for d in tiles]


def differences_along(x: Array, axis: int) -> list[Array]:
    """A in one direction: `axis` counts the pairs of blocks, the next axis is the pair."""
    first, second = jnp.unstack(x, axis=axis + 1)
    tiles = x.shape[axis] - 1
    d0, d1, d2 = (
        jax.lax.slice_in_dim(blocks, i, i + tiles, axis=axis) for blocks, i in ((first, 0), (second, 0), (first, 1))
    )
    return [d0 - d1, d1, d2 - d1]
