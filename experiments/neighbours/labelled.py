"""GANs of labelled digits: how one learns, what it makes of each class, and whether that is what was asked for."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.image_runs.classifier import Judge
from experiments.image_runs.gan import CATEGORY
from experiments.image_runs.gan import build as gan_of_images
from experiments.image_runs.images import to_bytes, to_unit
from experiments.image_runs.samples import settled
from experiments.image_runs.settings import Training
from experiments.neighbours.learning import cross_entropy, learn, to_pixels
from experiments.neighbours.models import Model
from gan_from_scratch import train
from gan_from_scratch.data import Dataset
from gan_from_scratch.neighbours.conditional import (
    Auxiliary,
    Concatenated,
    ImageFeatures,
    Labelled,
    Projection,
    joined,
    parted,
)

CHUNK = 50  # steps in one compiled call: two or three seconds
MADE = 500  # images in one call
EACH = 2_000  # images of each class in which zeros are counted: a share is then known to .011
EPOCHS, BATCH = 3, 64  # of the classifier that learns from samples: on real digits it comes to 97 %


def build(way: str, classes: int, training: Training, shape: tuple[int, int, int]) -> train.GAN:
    """The G of mnist_dcgan, smaller, whose categories are the classes, and one of three Ds with the same features."""
    gan = gan_of_images(replace(training, categories=classes), shape)
    features = ImageFeatures(shape[0], training.width, training.hidden)
    discriminators = {
        "concatenated": Concatenated(features),
        "projection": Projection(features, classes),
        "AC-GAN": Auxiliary(features, classes),
    }
    return replace(gan, generator=Labelled(gan.generator, classes), discriminator=discriminators[way])


def played(
    gan: train.GAN, images: np.ndarray, y: np.ndarray, classes: int, key: Array, steps: int, tell: Callable[..., None]
) -> train.GANState:
    """The state to sample from, after so many steps on images uint8 (n, h, w, c) with their classes (n,).

    FloatingPointError if a parameter is not finite.
    """
    key_init, key_train, key_settle = jax.random.split(key, 3)
    state = _begun(gan, key_init)
    images, y = jnp.asarray(images), jnp.asarray(y, jnp.int32)
    for start in range(0, steps, CHUNK):
        n = min(CHUNK, steps - start)
        state, measured = advance(gan, classes, state, images, y, key_train, n)
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.g.params, state.d.params))):
            raise FloatingPointError(f"the GAN's training went non-finite by step {start + n}")
        tell(advance=n, numbers=f"D's loss {float(measured['loss_d'].mean()):.2f}")
    return settled(gan, state, key_settle)


@partial(jax.jit, static_argnames="gan")
def _begun(gan: train.GAN, key: Array) -> train.GANState:
    return train.init(gan, key)


@partial(jax.jit, static_argnames=("gan", "classes", "n"), donate_argnames="state")
def advance(gan: train.GAN, classes: int, state: train.GANState, images: Array, y: Array, key: Array, n: int):
    """n steps of Algorithm 1."""

    def sample_data(key, batch):
        which = jax.random.randint(key, (batch,), 0, len(images))
        return joined(to_unit(images[which]), jax.nn.one_hot(y[which], classes))

    return train.train(gan, state, sample_data, key, n)


def noise_of(gan: train.GAN, y: np.ndarray, classes: int, key: Array) -> Array:
    """z (n, noise_dim) that asks for the classes y (n,)."""
    z = gan.sample_noise(key, len(y))
    return z.at[:, :classes].set(CATEGORY * jax.nn.one_hot(jnp.asarray(y), classes))


def images_of(gan: train.GAN, state: train.GANState, y: np.ndarray, classes: int, key: Array) -> np.ndarray:
    """Images uint8 (n, h, w, c) of the classes y (n,)."""
    z = noise_of(gan, y, classes, key)
    return np.concatenate([np.asarray(_made(gan, classes, state, z[i : i + MADE])) for i in range(0, len(z), MADE)])


@partial(jax.jit, static_argnames=("gan", "classes"))
def _made(gan: train.GAN, classes: int, state: train.GANState, z: Array) -> Array:
    x, _ = parted(train.generate(gan, state, z), classes)
    return to_bytes(x)


def agreement(judge: Judge, images: np.ndarray, y: np.ndarray) -> float:
    """Share of images that the judge takes for what was asked."""
    logits, _ = judge(images)
    return float(np.mean(logits.argmax(axis=1) == y))


def diversity(
    judge: Judge, images: np.ndarray, y: np.ndarray, real: np.ndarray, real_y: np.ndarray
) -> list[float | None]:
    """For each class the total variance of the judge's features over that of real images.

    Of images that the judge takes for their class alone: wrong ones would count as variety. None where fewer than two
    are left of either kind.
    """
    spread = []
    for each, labels in ((images, y), (real, real_y)):
        logits, features = judge(each)
        right = logits.argmax(axis=1) == labels
        of_class = [features[right & (labels == digit)].astype(np.float64) for digit in np.unique(real_y)]
        spread.append([of.var(axis=0).sum() if len(of) > 1 else None for of in of_class])
    return [float(made / true) if made is not None and true else None for made, true in zip(*spread, strict=True)]


def usefulness(model: Model, images: np.ndarray, y: np.ndarray, test: Dataset, key: Array) -> float:
    """Accuracy on test images of a classifier that has seen no others than these."""
    params = learn(model, cross_entropy, images, y, key, EPOCHS, BATCH, lambda: None)
    found = [np.asarray(_label(model, params, test[0][i : i + MADE])) for i in range(0, len(test[0]), MADE)]
    return float(np.mean(np.concatenate(found) == test[1]))


@partial(jax.jit, static_argnames="model")
def _label(model: Model, params: Any, images: Array) -> Array:
    return model.label(model.logits(params, to_pixels(images), None))


def overlapping(images: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Class A = {0, 1} and B = {0, 2}, each digit half of its class: each zero is an A or a B, at random.

    As many ones and twos as zeros of each class. ValueError if there is not one of each.
    """
    rng = np.random.default_rng(seed)
    n = min(np.sum(labels == 0) // 2, np.sum(labels == 1), np.sum(labels == 2))
    if n == 0:
        raise ValueError(f"the {len(images):,} training images are too few: they must hold two zeros, a one and a two")
    zeros, ones, twos = (rng.permutation(np.flatnonzero(labels == digit)) for digit in range(3))
    which = np.concatenate([zeros[: 2 * n], ones[:n], twos[:n]])
    y = np.concatenate([np.zeros(n), np.ones(n), np.zeros(n), np.ones(n)]).astype(np.int32)
    return images[which], y


def judged(
    judge: Judge, model: Model, gan: train.GAN, state: train.GANState, test: Dataset, key: Array
) -> dict[str, Any]:
    """As many images as there are test images, of their classes. `model` learns from them."""
    key_images, key_model = jax.random.split(key)
    images = images_of(gan, state, test[1], 10, key_images)
    return measured(judge, model, images, test[1], test, key_model)


def judged_real(judge: Judge, model: Model, learnt: Dataset, test: Dataset, key: Array) -> dict[str, Any]:
    """As many training images, under the same measure. The judge has learnt from them: it agrees with test labels."""
    evenly = np.linspace(0, len(learnt[0]) - 1, len(test[0])).round().astype(int)  # a file's order does not matter
    images, y = (each[evenly] for each in learnt)
    return measured(judge, model, images, y, test, key) | {"agreement": agreement(judge, *test)}


def measured(
    judge: Judge, model: Model, images: np.ndarray, y: np.ndarray, test: Dataset, key: Array
) -> dict[str, Any]:
    return {
        "agreement": agreement(judge, images, y),
        "diversity": diversity(judge, images, y, *test),
        "usefulness": usefulness(model, images, y, test, key),
    }


def zeros(judge: Judge, images: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Of A = {0, 1}, y = 0, and B = {0, 2}, y = 1: the share of zeros among what the judge sees; the data's is 1/2."""
    logits, _ = judge(images)
    seen = logits.argmax(axis=1) == 0
    return {"A": float(seen[y == 0].mean()), "B": float(seen[y == 1].mean())}
