"""Images for a run: the data set or made-up ones, of the wanted classes, and the way from bytes to [-1, 1] and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.command.memory import refuse
from experiments.command.progress import phase
from gan_from_scratch import data

QUICK = 12_000  # images of a split for --quick
STACKED = "stacked_mnist"
STACKS = 100_000  # to learn from: a hundred of each kind
PAPER = "goodfellow_mnist"  # the first part of MNIST's training images
LEARNT = 50_000  # of MNIST's 60,000 training images, in a run of PAPER; the others are for validation
VALIDATED = 1_000  # validation images by which Parzen's sigma is chosen
SHAPES = data.SHAPES | {STACKED: (28, 28, 3), PAPER: (28, 28, 1)}  # of the images of a run on each data set


@phase("reading images")
def load(name: str, split: str, data_dir: Path | None, synthetic: int | None, quick: bool = False) -> data.Dataset:
    """Images uint8 (n, h, w, c) and labels (n,) of a split of the data set `name`, or as many made-up ones.

    With `quick` the first QUICK of them.
    """
    if synthetic is not None:
        height, width, channels = data.SHAPES[name]
        refuse("synthetic", 8 * 8 * synthetic * height * width * channels)  # eight arrays of float64 on the way
        return data.synthetic(name, synthetic, seed=data.SPLITS.index(split))
    images, labels = (data.mnist if name == "mnist" else data.cifar10)(split, data_dir)
    return (images[:QUICK], labels[:QUICK]) if quick else (images, labels)


def images_of_classes(name: str, dataset: data.Dataset, classes: Sequence[str]) -> np.ndarray:
    """Its images of those classes. ValueError if there are not even two."""
    images, _ = data.of_classes(dataset, data.CLASSES[name], classes)
    if len(images) < 2:
        raise ValueError(f"classes is {tuple(classes)}, but must have at least 2 images: there are {len(images)}")
    return images


def stacked(digits: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Three random digits as the channels of one image: digits uint8 (m, 28, 28, 1) to n images (n, 28, 28, 3).

    A channel's digit does not depend on the others', so that there are a thousand kinds of image, about equally many
    of each (Metz et al. 2017, section 3.3.1).
    """
    which = np.random.default_rng(seed).integers(len(digits), size=(3, n))
    return np.concatenate([digits[channel] for channel in which], axis=-1)


def learnt_and_validation(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of MNIST's 60,000 training images the first LEARNT and VALIDATED of the others; of fewer the same shares."""
    learnt, validated = (len(images) * number // 60_000 for number in (LEARNT, VALIDATED))
    return images[:learnt], images[learnt : learnt + max(1, validated)]


def of_run(about: dict[str, Any], data_dir: Path | None) -> dict[str, np.ndarray]:
    """The images uint8 (n, h, w, c) that a run, described by `about`, learns from, and test images of its kind."""
    if about["data"] == STACKED:
        digits = {split: load("mnist", split, data_dir, about["synthetic"], about["quick"])[0] for split in data.SPLITS}
        return {"train": stacked(digits["train"], STACKS, 0), "test": stacked(digits["test"], len(digits["test"]), 1)}
    if about["data"] == PAPER:
        train, test = (load("mnist", split, data_dir, about["synthetic"], about["quick"])[0] for split in data.SPLITS)
        return {"train": learnt_and_validation(train)[0], "test": test}
    splits = {split: load(about["data"], split, data_dir, about["synthetic"]) for split in data.SPLITS}
    return {split: images_of_classes(about["data"], of_split, about["classes"]) for split, of_split in splits.items()}


def check_batch(batch: int, images: int) -> None:
    """Raise ValueError if the batch is larger than the data."""
    if batch > images:
        raise ValueError(f"batch is {batch}, but must be at most {images}, the number of images")


def to_unit(images: Array) -> Array:
    """Bytes to [-1, 1], the range of tanh."""
    return images.astype(jnp.float32) / 127.5 - 1


def to_bytes(images: Array) -> Array:
    """[-1, 1] to the nearest bytes."""
    return jnp.round((images + 1) * 127.5).astype(jnp.uint8)
