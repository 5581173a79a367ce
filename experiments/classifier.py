"""A small classifier, in whose features image GANs are judged (MNIST 3 minutes, CIFAR-10 20 to 35).

Image GANs are usually judged in the features of Inception, which has to be downloaded and has learnt from photographs.
Here the judge learns from the training images themselves. It is kept, and with the same settings and images never
trained again. Frechet distances compare only what one and the same classifier has judged.
"""

import hashlib
import time
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

from experiments import _script
from gan_from_scratch import check, checkpoint, data, networks

WIDTH = {"mnist": 16, "cifar10": 32}
EPOCHS = {"mnist": 5, "cifar10": 8}
SHIFT = {"mnist": 2, "cifar10": 4}  # pixels by which training images are moved at most, each way
JUDGED = 500  # images in one call


@dataclass(frozen=True)
class Config:
    """Which data, and how long."""

    data: Literal["mnist", "cifar10"] = "mnist"
    """The data set."""
    seed: int = 0
    """Decides the first weights and every draw."""
    out: Path = Path("runs/classifier")
    """Folder for the result."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    cache: Path | None = None
    """Folder in which trained classifiers are kept. None: the user's cache folder."""
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
        check.one_of("data", self.data, data.SHAPES)
        for name, default in (("width", WIDTH), ("epochs", EPOCHS)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default[self.data])
        check.seed("seed", self.seed)
        for name in ("width", "epochs", "batch"):
            check.positive_integer(name, getattr(self, name))
        check.positive("rate", self.rate)
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)


class Judge(NamedTuple):
    """A trained classifier: images uint8 (n, h, w, c) to logits (n, 10) and features (n, 4 width), float32."""

    module: networks.Classifier
    variables: dict

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [_judge(self.module, self.variables, part) for part in _padded(images, JUDGED)]
        logits, features = (np.concatenate(column)[: len(images)] for column in zip(*parts, strict=True))
        return logits, features


def main(config: Config) -> None:
    """Train or find the classifier, test it, save the result."""
    started = time.perf_counter()
    test, labels = images_of(config, "test")
    _script.check_batch(config.batch, len(images_of(config, "train")[0]))
    _script.prepare_folder(config.out)
    judge, trained_for = trained(config)
    predicted = judge(test)[0].argmax(axis=1)
    per_class = {
        name: float(np.mean(predicted[labels == i] == i))
        for i, name in enumerate(data.CLASSES[config.data])
        if np.any(labels == i)
    }
    accuracy = float(np.mean(predicted == labels))
    numbers = {"test_accuracy": accuracy, "of_class": per_class, "test_images": len(test), "trained_s": trained_for}
    _script.save_result(config.out, config, started, numbers)
    how = "found in the cache" if trained_for is None else f"trained in {trained_for / 60:.1f} minutes"
    print(f"{config.data}: {100 * accuracy:.2f} % of {len(test):,} test images right; {how}; results in {config.out}")


def images_of(config: Config, split: str) -> data.Dataset:
    if config.synthetic is not None:
        return data.synthetic(config.data, config.synthetic, seed=data.SPLITS.index(split))
    load = data.mnist if config.data == "mnist" else data.cifar10
    return load(split, config.data_dir)


def trained(config: Config) -> tuple[Judge, float | None]:
    """The classifier, and the seconds its training took: None if it was found in the cache."""
    images, labels = images_of(config, "train")
    settings = {name: value for name, value in asdict(config).items() if name not in ("out", "data_dir", "cache")}
    # Other images in files of the same shape, such as Fashion-MNIST's, are judged by another classifier.
    settings["images"] = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()[:16]
    root = config.cache or Path(pooch.os_cache("gan_from_scratch"))
    folder = root / "classifiers" / "-".join(str(value) for value in settings.values() if value is not None)
    module = networks.Classifier(config.width)
    height, width, channels = data.SHAPES[config.data]
    first = jax.jit(partial(module.init, train=True))(
        jax.random.key(config.seed), jnp.zeros((1, height, width, channels))
    )
    if checkpoint.newest(folder) is not None:
        found = checkpoint.load(folder, first)
        checkpoint.refuse_another(found.about, settings)
        return Judge(module, found.state), None
    started = time.perf_counter()
    judge = Judge(module, learn(config, module, first, images, labels))
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(judge.variables)):
        raise FloatingPointError(f"the classifier's training went non-finite at rate {config.rate}; nothing was kept")
    seconds = round(time.perf_counter() - started, 1)
    checkpoint.save(folder, checkpoint.Checkpoint(1, judge.variables, {"seconds": np.array(seconds)}, settings))
    return judge, seconds


def learn(config: Config, module: networks.Classifier, variables: dict, images: np.ndarray, labels: np.ndarray) -> dict:
    """Cross-entropy, by Adam with weight decay; images are shifted, and CIFAR-10's mirrored.

    No smoothed labels: they would keep the classifier from ever being sure, and with it the class score from 10.
    """
    per_epoch = len(images) // config.batch
    steps = config.epochs * per_epoch
    schedule = optax.cosine_onecycle_schedule(steps, config.rate)
    optimizer = optax.adamw(schedule, weight_decay=0.05)
    # Moving an image needs a border: MNIST's is black, CIFAR-10's is mirrored.
    shift = SHIFT[config.data]
    border = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    padded = jnp.asarray(np.pad(images, border, mode="constant" if config.data == "mnist" else "reflect"))
    mirror = config.data == "cifar10"

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
        keys = jax.random.split(jax.random.fold_in(key, indices[0]), config.batch)
        x = to_unit(jax.vmap(changed)(keys, padded[indices]))
        gradient, (stats, right) = jax.grad(loss, has_aux=True)(params, stats, x, labels[indices])
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), stats, opt_state), right

    @jax.jit
    def chunk(carry, order, padded, labels, key):
        return jax.lax.scan(lambda carry, indices: step(carry, indices, padded, labels, key), carry, order)

    stats = {name: value for name, value in variables.items() if name != "params"}
    carry = (variables["params"], stats, optimizer.init(variables["params"]))
    rng, key = np.random.default_rng(config.seed), jax.random.key(config.seed)
    labels = jnp.asarray(labels)
    with _script.progress_bar() as bar:
        task = bar.add_task("classifier", total=steps, numbers="compiling")
        for epoch in range(config.epochs):
            order = rng.permutation(len(images))[: per_epoch * config.batch].reshape(per_epoch, config.batch)
            for start in range(0, per_epoch, CHUNK):
                part = order[start : start + CHUNK]
                carry, right = chunk(carry, part, padded, labels, jax.random.fold_in(key, epoch))
                bar.update(task, advance=len(part), numbers=f"right in training: {100 * right.mean():.1f} %")
    params, stats, _ = carry
    return {"params": params, **stats}


CHUNK = 39  # steps in one call: a divisor of MNIST's 468 and of CIFAR-10's 390 steps an epoch


def to_unit(images: Array) -> Array:
    """Bytes to [-1, 1], the range of tanh."""
    return images.astype(jnp.float32) / 127.5 - 1


def to_bytes(images: Array) -> Array:
    """[-1, 1] to the nearest bytes."""
    return jnp.round((images + 1) * 127.5).astype(jnp.uint8)


@partial(jax.jit, static_argnames="module")
def _judge(module, variables, images):
    return module.apply(variables, to_unit(images), train=False)


def _padded(images: np.ndarray, n: int):
    """Parts of n images, so that one compiled function serves; the last one is filled up with zeros."""
    for start in range(0, len(images), n):
        part = images[start : start + n]
        yield np.pad(part, ((0, n - len(part)), (0, 0), (0, 0), (0, 0)))


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
