"""Pictures that need no file: two stationary texture processes, of which any number can be drawn, and a landscape.

All are float32 (size, size, 3) in [0, 1]. The textures live on a torus, as circular convolutions do: the left edge
goes on at the right one. They stay away from black and white, so that what is synthesised need not be cut off there.
"""

import jax
import jax.numpy as jnp
from jax import Array

BLUE, ORANGE, CREAM = (0.20, 0.35, 0.60), (0.80, 0.45, 0.20), (0.85, 0.80, 0.65)
SPACING, RADII = 8, (2.0, 3.5)  # pixels: large enough for a round edge, and 64 dots at 64 pixels
PERIOD, BAND = 10.0, 0.2  # pixels from wave to wave, and how far it strays, as a share
EDGE = 0.6  # standard deviations of the waves over which one colour becomes the other: 1 to 2 pixels


def dots(key: Array, size: int) -> Array:
    """Blue and orange dots, as many or one more, one for each cell of a grid, somewhere in it; the grid lies anywhere.

    One a cell, they cover about the same share of each draw: two draws are like each other.
    """
    key_grid, key_places, key_radii, key_colours = jax.random.split(key, 4)
    cells = max(1, size // SPACING)
    grid = size / cells * jnp.stack(jnp.mgrid[:cells, :cells], axis=-1).reshape(-1, 2)
    places = grid + jax.random.uniform(key_places, grid.shape, maxval=size / cells)
    places += jax.random.uniform(key_grid, (2,), maxval=size)
    low, high = RADII
    radii = jax.random.uniform(key_radii, (len(grid),), minval=low, maxval=high)
    colours = jnp.array([BLUE, ORANGE])[jax.random.permutation(key_colours, len(grid)) % 2]
    rows, columns = jnp.mgrid[:size, :size]

    def add(picture, dot):
        (row, column), radius, colour = dot
        down, right = ((at - centre + size / 2) % size - size / 2 for at, centre in ((rows, row), (columns, column)))
        covered = jnp.clip(radius - jnp.hypot(down, right) + 0.5, 0, 1)[..., None]  # a pixel's share, at the edge
        return picture + covered * (colour - picture), None

    ground = jnp.broadcast_to(jnp.array(CREAM), (size, size, 3))
    return jax.lax.scan(add, ground, (places, radii, colours))[0]


def waves(key: Array, size: int) -> Array:
    """Gaussian noise of about one wavelength and all directions, cut at its mean into two colours."""
    down, right = jnp.fft.fftfreq(size)[:, None], jnp.fft.fftfreq(size)[None]
    passed = jnp.exp(-(((PERIOD * jnp.hypot(down, right) - 1) / BAND) ** 2) / 2)
    noise = jnp.fft.ifft2(jnp.fft.fft2(jax.random.normal(key, (size, size))) * passed).real
    share = jnp.clip(noise / (EDGE * noise.std()) + 0.5, 0, 1)[..., None]
    return share * jnp.array(CREAM) + (1 - share) * jnp.array(BLUE)


TEXTURES = {"dots": dots, "waves": waves}


def landscape(size: int) -> Array:
    """The content where no file is given: a sun over two mountains and a meadow."""
    down, right = (axis / size for axis in jnp.mgrid[:size, :size])
    layers = (  # (how far inside, in sides of the picture; colour), the later ones over the earlier ones
        (0.11 - jnp.hypot(down - 0.25, right - 0.72), (0.95, 0.80, 0.35)),
        (down - 0.30 - 1.1 * jnp.abs(right - 0.32), (0.45, 0.42, 0.55)),
        (down - 0.48 - 0.7 * jnp.abs(right - 0.75), (0.32, 0.32, 0.48)),
        (down - 0.76 - 0.04 * jnp.sin(2 * jnp.pi * right), (0.30, 0.55, 0.25)),
    )
    sky = jnp.array((0.45, 0.65, 0.90)) * (1 - down[..., None]) + jnp.array((0.95, 0.85, 0.75)) * down[..., None]
    for inside, colour in layers:
        sky += jnp.clip(inside * size + 0.5, 0, 1)[..., None] * (jnp.array(colour) - sky)
    return sky
