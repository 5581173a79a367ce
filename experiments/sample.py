"""Look at what a trained image GAN makes: samples, walks through its noise, the training images next to it (seconds).

From the newest checkpoint of mnist_dcgan, cifar_dcgan, stacked_mnist or goodfellow_mnist it writes

    samples.png        a grid of fresh samples
    samples.npz, png/  --n samples for the tools that compute FID
    interpolation.png  each row walks from one noise to another of the same category
    categories.png     each row one noise with every category, where z has categories
    traversal.png      each row moves one coordinate of one noise and nothing else; traversal.gif shows it moving
    nearest.png        each row a sample, and after a gap the training images nearest to it in pixels
    result.json        how near those are, beside test images and theirs
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from experiments.command.folder import digest, note, prepare_folder, replacing
from experiments.command.line import command_line
from experiments.command.memory import refuse
from experiments.command.progress import phase
from experiments.command.quick import at_most
from experiments.command.results import save_result
from experiments.image_runs.gan import CATEGORY
from experiments.image_runs.images import of_run
from experiments.image_runs.nearest import nearest
from experiments.image_runs.restore import restored
from experiments.image_runs.samples import images_at, settled
from experiments.pictures.images import save_gif, save_picture, tiles
from gan_from_scratch import check

WRITES = (
    "samples.png", "samples.npz", "png/", "interpolation.png", "categories.png", "traversal.png", "traversal.gif",
    "nearest.png", "result.json",
)  # fmt: skip
ROWS, COLUMNS = 8, 11  # of the walks
FARTHEST = 100.0  # that a coordinate of Gaussian noise may be moved
MOST = 1_000_000  # samples
NEIGHBOURS = 6  # training images beside each sample
COMPARED = 200  # samples, and test images, whose nearest training image is looked for


@dataclass(frozen=True)
class Config:
    """Which run, and what to draw from it."""

    run: Path = Path("runs/mnist_dcgan")
    """The --out of the run, with its checkpoints."""
    seed: int = 0
    """Decides which noises are drawn."""
    out: Path = Path("runs/sample")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    n: int = 10_000
    """Samples in samples.npz and png/."""
    coordinate: int | None = None
    """The coordinate of z that the traversal moves. None: a row for each of the first eight that say no category."""
    span: float = 3.0
    """How far it moves from 0, each way, in Gaussian noise. Uniform noise moves to its ends."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 100 samples."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        check.positive_integer("n", self.n)
        if self.n > MOST:
            raise ValueError(f"n is {self.n}, but must be at most {MOST:,}: a sample's file is named by six digits")
        check.positive("span", self.span)
        if self.span > FARTHEST:
            raise ValueError(f"span is {self.span}, but must be at most {FARTHEST:g}: draws of N(0, 1) stay within 6")
        if self.quick:
            at_most(self, n=100)


def main(config: Config) -> None:
    """A run -> its G -> samples, and how near they are to the training images -> pictures."""
    started = time.perf_counter()
    gan, progress, about = restored(config.run)
    span = about["furthest"] if about["noise"] == "uniform" else config.span
    dim, first = about["noise_dim"], about["categories"] * about["category_sets"]
    if config.coordinate is not None and not first <= config.coordinate < dim:
        raise ValueError(
            f"coordinate is {config.coordinate}, but must be at least {first} and below {dim}: these of z can be moved"
        )
    real = of_run(about, config.data_dir)
    height, width, channels = real["train"].shape[1:]
    refuse("n", config.n * (4 * dim + 3 * height * width * channels))  # noise, images, and what packs them
    prepare_folder(config.out, "sample", [*WRITES, *(f"png/{path.name}" for path in numbered(config.out / "png"))])
    key = jax.random.key(config.seed)
    key_settle, key_samples, key_walk, key_traversal = jax.random.split(key, 4)

    with phase("drawing samples"):
        state = settled(gan, progress.state, key_settle)
        images_of = partial(images_at, gan, state)
        samples = images_of(gan.sample_noise(key_samples, config.n))
    with phase("looking for neighbours"):
        order, distance = nearest(samples[:COMPARED], real["train"], NEIGHBOURS)
        _, distance_of_test = nearest(real["test"][:COMPARED], real["train"], NEIGHBOURS)
    numbers = {
        "step": int(state.step),
        "samples": len(samples),
        "generated_to_nearest_training_image": float(np.median(distance[:, 0])),
        "test_to_nearest_training_image": float(np.median(distance_of_test[:, 0])),
    }
    save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        save_samples(samples, config.out)
        save_picture(tiles(samples[:100], 10), config.out / "samples.png")
        shown = samples[:ROWS, None]
        gap = np.full_like(shown, 255)  # a white column between a sample and its neighbours
        beside = np.concatenate([shown, gap, real["train"][order[:ROWS]]], axis=1)
        save_picture(tiles(beside.reshape(-1, *samples.shape[1:]), beside.shape[1]), config.out / "nearest.png")
        start, end = gan.sample_noise(key_walk, 2 * ROWS).reshape(2, ROWS, dim)
        row_starts = gan.sample_noise(key_traversal, ROWS)
        draw_walks(
            images_of, start, end, traversed(row_starts, first, config.coordinate, span),
            about["noise"], about["categories"], first, config.out,
        )  # fmt: skip
    print(f"{len(samples):,} samples of {config.run} after step {numbers['step']:,}; results in {config.out}")
    print("median distance to the nearest training image (root mean square over pixels, 0 to 255):")
    print(f"  samples {numbers['generated_to_nearest_training_image']:.1f}")
    print(f"  test images {numbers['test_to_nearest_training_image']:.1f}; far below it, G has learnt images by heart")


def draw_walks(
    images_of: Callable[[jax.Array], np.ndarray], start: jax.Array, end: jax.Array, moved: jax.Array, noise: str,
    categories: int, first: int, out: Path,
) -> None:  # fmt: skip
    """interpolation.png from `start` (rows, dim) to `end`, categories.png of `start`, traversal.* of `moved`.

    `moved` is (rows, COLUMNS, dim); the coordinates before `first` say categories, a set of so many after the other.
    """

    def drawn(z: jax.Array) -> np.ndarray:
        """Noises (rows, columns, dim) to images (rows, columns, h, w, c)."""
        images = images_of(z.reshape(-1, z.shape[-1]))
        return images.reshape(*z.shape[:2], *images.shape[1:])

    def save_rows(rows: np.ndarray, picture: str) -> None:
        save_picture(tiles(rows.reshape(-1, *rows.shape[2:]), rows.shape[1]), out / picture)

    walk = [between(start[:, first:], end[:, first:], t, noise) for t in np.linspace(0, 1, COLUMNS)]
    whole = [jnp.concatenate([start[:, :first], z], axis=1) for z in walk]
    save_rows(drawn(jnp.stack(whole, axis=1)), "interpolation.png")
    if first:
        save_rows(drawn(with_every_category(start, categories, first)), "categories.png")
    else:
        (out / "categories.png").unlink(missing_ok=True)  # that of an earlier call, of another run
    rows = drawn(moved)
    save_rows(rows, "traversal.png")
    there_and_back = [*range(COLUMNS), *reversed(range(1, COLUMNS - 1))]
    save_gif([tiles(rows[:, i], ROWS) for i in there_and_back], out / "traversal.gif")


def between(z0: jax.Array, z1: jax.Array, t: float, noise: str) -> jax.Array:
    """The point at t in [0, 1] on the way from each row of z0 to that of z1.

    Gaussian noise in many dimensions lies near a sphere, and a straight line leaves it: its middle is nearer to 0
    than G has ever seen. So there the way is the great circle (White 2016); uniform noise fills its cube.
    """
    if noise == "uniform":
        return (1 - t) * z0 + t * z1
    length = [jnp.linalg.norm(z, axis=-1, keepdims=True) for z in (z0, z1)]
    cosine = jnp.sum(z0 * z1, axis=-1, keepdims=True) / (length[0] * length[1])
    angle = jnp.arccos(jnp.clip(cosine, -1, 1))
    # At an angle of 0 the sines cancel, and the weights are those of a line.
    straight = jnp.sin(angle) < 1e-6
    sine = jnp.where(straight, 1, jnp.sin(angle))
    weight_0 = jnp.where(straight, 1 - t, jnp.sin((1 - t) * angle) / sine)
    weight_1 = jnp.where(straight, t, jnp.sin(t * angle) / sine)
    return weight_0 * z0 + weight_1 * z1


def with_every_category(z: jax.Array, categories: int, first: int) -> jax.Array:
    """Noises (rows, dim) to (rows, first, dim): each with every category of each set in turn, the other sets' kept.

    A set's categories are said by `categories` coordinates, and `first` is the first that says none.
    """
    every = CATEGORY * jnp.eye(categories)
    sets = range(0, first, categories)
    return jnp.stack([z.at[:, at : at + categories].set(one) for at in sets for one in every], axis=1)


def traversed(z: jax.Array, first: int, coordinate: int | None, span: float) -> jax.Array:
    """Noises (rows, dim) to (rows, COLUMNS, dim): in each row one coordinate runs from -span to span.

    It is `coordinate`, or with None the next one from `first` on in each row.
    """
    rows = jnp.arange(len(z))
    in_turn = first + rows % (z.shape[1] - first)
    moved = in_turn if coordinate is None else jnp.full(len(z), coordinate)
    return jnp.stack([z.at[rows, moved].set(value) for value in np.linspace(-span, span, COLUMNS)], axis=1)


def save_samples(samples: np.ndarray, out: Path) -> None:
    """samples.npz with (n, h, w, c) uint8 as arr_0, and png/ with a file for each; those of an earlier call go."""
    with replacing(out / "samples.npz") as path, open(path, "wb") as file:
        np.savez_compressed(file, samples)
    folder, files = out / "png", {}
    for i, image in enumerate(samples):
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(content := io.BytesIO(), format="PNG")
        files[f"png/{i:06}.png"] = content.getvalue()
    note(out, {name: digest(content) for name, content in files.items()})
    folder.mkdir(exist_ok=True)
    for earlier in numbered(folder):
        earlier.unlink()
    for name, content in files.items():
        with replacing(out / name) as path:
            path.write_bytes(content)


def numbered(folder: Path) -> list[Path]:
    """The files in it that are called as those of save_samples."""
    return sorted(folder.glob("[0-9]" * 6 + ".png"))


if __name__ == "__main__":
    command_line(Config, main, __doc__)
