"""A small classifier that learns from the training images, and is kept: the judge of image GANs.

Image GANs are usually judged in the features of Inception, which has to be downloaded and has learnt from photographs.
Frechet distances compare only what one and the same classifier has judged.
"""

import hashlib
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pooch
from jax import Array

from experiments.command.folder import check_writable
from experiments.command.memory import bytes_of, check_memory, refuse
from experiments.command.progress import progress_bar
from experiments.image_runs.images import to_unit
from gan_from_scratch import check, checkpoint, data
from gan_from_scratch.images import networks

WIDTH = {"mnist": 16, "cifar10": 32}
EPOCHS = {"mnist": 5, "cifar10": 8}
SHIFT = {"mnist": 2, "cifar10": 4}  # pixels by which training images are moved at most, each way
USERS = Path(pooch.os_cache("gan_from_scratch"))  # the folder that is the user's cache
JUDGED = 500  # images in one call
CHUNK = 39  # steps in one call: a divisor of MNIST's 468 and of CIFAR-10's 390 steps an epoch


@dataclass(frozen=True)
class Learning:
    """Which data, and how long."""

    data: Literal["mnist", "cifar10"] = "mnist"
    """The data set."""
    seed: int = 0
    """Decides the first weights and every draw."""
    width: int | None = None
    """Channels of the first layer; there are four times as many features. None: 16 for MNIST, 32 for CIFAR-10."""
    epochs: int | None = None
    """Passes over the training images. None: 5 for MNIST, 8 for CIFAR-10."""
    batch: int = 128
    """Images in a batch."""
    rate: float = 4e-3
    """Adam's highest learning rate; it rises to it in the first third of the steps and then falls to almost 0."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""

    def __post_init__(self):
        check.choices(self)
        for name, default in (("width", WIDTH), ("epochs", EPOCHS)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default[self.data])
        check.seed("seed", self.seed)
        for name in ("width", "epochs", "batch"):
            check.positive_integer(name, getattr(self, name))
        check.rate("rate", self.rate)
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)


def learning_for(name: str, synthetic: int | None, quick: bool = False) -> Learning:
    """The judge of a run: the usual one, a small one, or for so many made-up images one that learns at once."""
    if synthetic is None:
        return Learning(name, width=4, epochs=1) if quick else Learning(name)
    small = Learning(name, width=4, epochs=1, batch=32, synthetic=synthetic)
    if synthetic < small.batch:
        raise ValueError(f"synthetic is {synthetic}, but must be at least {small.batch}, the judge's batch")
    return small


def check_cache(cache: Path | None) -> None:
    """Raise ValueError unless classifiers can be kept in the folder `cache`, or the user's."""
    check_writable("cache", cache or USERS)


class Judge(NamedTuple):
    """A trained classifier: images uint8 (n, h, w, c) to logits (n, 10) and features (n, 4 width), float32."""

    module: networks.Classifier
    variables: dict

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [_judge(self.module, self.variables, part) for part in _padded(images, JUDGED)]
        logits, features = (np.concatenate(column)[: len(images)] for column in zip(*parts, strict=True))
        return logits, features


def trained(learning: Learning, dataset: data.Dataset, cache: Path | None) -> tuple[Judge, float | None]:
    """The classifier, and the seconds its training took: None if it was found in the folder `cache`, or the user's."""
    images, labels = dataset
    settings = asdict(learning)
    # Other images in files of the same shape, such as Fashion-MNIST's, are judged by another classifier.
    settings["images"] = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()[:16]
    folder = (cache or USERS) / "classifiers" / "-".join(str(value) for value in settings.values() if value is not None)
    module = networks.Classifier(learning.width)
    height, width, channels = data.SHAPES[learning.data]
    init, start = partial(module.init, train=True), jnp.zeros((1, height, width, channels))
    shapes = jax.eval_shape(init, jax.random.key(learning.seed), start)
    refuse("width", 4 * bytes_of(shapes))  # slopes, Adam's two
    first = jax.jit(init)(jax.random.key(learning.seed), start)
    if checkpoint.newest(folder) is not None:
        try:
            found = checkpoint.load(folder, first)
            checkpoint.refuse_another(found.about, settings)
            return Judge(module, found.state), None
        except OSError as error:
            warnings.warn(f"{error}; the classifier is trained anew", stacklevel=2)
    started = time.perf_counter()
    judge = Judge(module, learn(learning, module, first, images, labels))
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(judge.variables)):
        raise FloatingPointError(f"the classifier's training went non-finite at rate {learning.rate}; nothing was kept")
    seconds = round(time.perf_counter() - started, 1)
    try:
        checkpoint.save(folder, checkpoint.Checkpoint(1, judge.variables, {"seconds": np.array(seconds)}, settings))
    except OSError as error:  # a full disk: the run that needs the judge goes on with it
        warnings.warn(f"the classifier is not kept for the next run: {error}", stacklevel=2)
    return judge, seconds


def learn(
    learning: Learning, module: networks.Classifier, variables: dict, images: np.ndarray, labels: np.ndarray
) -> dict:
    """Cross-entropy, by Adam with weight decay; images are shifted, and CIFAR-10's mirrored.

    No smoothed labels: they would keep the classifier from ever being sure, and with it the class score from 10.
    """
    per_epoch = len(images) // learning.batch
    steps = learning.epochs * per_epoch
    schedule = optax.cosine_onecycle_schedule(steps, learning.rate)
    optimizer = optax.adamw(schedule, weight_decay=0.05)  # a usual value, not tuned
    # Moving an image needs a border: MNIST's is black, CIFAR-10's is mirrored.
    shift = SHIFT[learning.data]
    border = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    padded = jnp.asarray(np.pad(images, border, mode="constant" if learning.data == "mnist" else "reflect"))
    mirror = learning.data == "cifar10"

    def changed(key: Array, image: Array) -> Array:
        key_shift, key_mirror = jax.random.split(key)
        row, col = jax.random.randint(key_shift, (2,), 0, 2 * shift + 1)
        image = jax.lax.dynamic_slice(image, (row, col, 0), images.shape[1:])
        return jnp.where(mirror & jax.random.bernoulli(key_mirror), image[:, ::-1], image)

    def loss(params, stats, x, y):
        (logits, _), stats = module.apply({"params": params, **stats}, x, train=True, mutable=list(stats))
        entropy = optax.losses.softmax_cross_entropy_with_integer_labels(logits, y)
        return jnp.mean(entropy), (stats, jnp.mean(logits.argmax(axis=1) == y))

    def step(carry, indices, padded, labels, key):
        params, stats, opt_state = carry
        # The key is the epoch's; no two steps of an epoch begin with the same image.
        keys = jax.random.split(jax.random.fold_in(key, indices[0]), learning.batch)
        x = to_unit(jax.vmap(changed)(keys, padded[indices]))
        gradient, (stats, right) = jax.grad(loss, has_aux=True)(params, stats, x, labels[indices])
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), stats, opt_state), right

    @jax.jit
    def chunk(carry, order, padded, labels, key):
        return jax.lax.scan(lambda carry, indices: step(carry, indices, padded, labels, key), carry, order)

    stats = {name: value for name, value in variables.items() if name != "params"}
    carry = (variables["params"], stats, optimizer.init(variables["params"]))
    rng, key = np.random.default_rng(learning.seed), jax.random.key(learning.seed)
    check_memory("width or batch", chunk, carry, np.zeros((1, learning.batch), int), padded, labels, key)
    labels = jnp.asarray(labels)
    with progress_bar() as bar:
        task = bar.add_task("classifier", total=steps, numbers="compiling")
        for epoch in range(learning.epochs):
            order = rng.permutation(len(images))[: per_epoch * learning.batch].reshape(per_epoch, learning.batch)
            for start in range(0, per_epoch, CHUNK):
                part = order[start : start + CHUNK]
                carry, right = chunk(carry, part, padded, labels, jax.random.fold_in(key, epoch))
                bar.update(task, advance=len(part), numbers=f"right in training: {100 * right.mean():.1f} %")
    params, stats, _ = carry
    return {"params": params, **stats}


@partial(jax.jit, static_argnames="module")
def _judge(module, variables, images):
    return module.apply(variables, to_unit(images), train=False)


def _padded(images: np.ndarray, n: int) -> Iterator[np.ndarray]:
    """Parts of n images, so that one compiled function serves; the last one is filled up with zeros."""
    for start in range(0, len(images), n):
        part = images[start : start + n]
        yield np.pad(part, ((0, n - len(part)), (0, 0), (0, 0), (0, 0)))
