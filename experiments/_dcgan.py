"""The settings that mnist_dcgan and cifar_dcgan share, and the GAN and the compiled steps that they describe."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jax import Array

from experiments import _script, classifier
from gan_from_scratch import check, networks, remedies, train

CATEGORY = 5.0  # in z, the coordinate of the category drawn: well above draws of N(0, 1); no other was tried
CHUNK = 20  # steps in one compiled call: a second or two on a CPU, so that a stop is soon heard


@dataclass(frozen=True)
class Run:
    """What is not about learning: where to, how often, how many."""

    out: Path
    """Folder for the results and the checkpoints."""
    seed: int = 0
    """Decides every draw."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    resume: bool = False
    """Go on from the newest checkpoint in --out. The result is the same, bit for bit, as without the interruption."""
    checkpoint_every: int = 1000
    """Steps from one checkpoint to the next. Ctrl-C and SIGTERM save one as well."""
    sample_every: int = 250
    """Steps from one picture of the same 64 noises to the next; together they make the GIF."""
    samples: int = 10_000
    """Images of each kind on which G is judged; as many as there are test images at most."""
    cache: Path | None = None
    """Folder in which the classifier that judges is kept. None: the user's cache folder."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("checkpoint_every", "sample_every", "samples"):
            check.positive_integer(name, getattr(self, name))
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)


@dataclass(frozen=True)
class Training:
    """The GAN and how it learns."""

    steps: int
    """Steps of Algorithm 1."""
    batch: int = 64
    """Images in a batch."""
    k: int = 1
    """Steps of D in each step of Algorithm 1."""
    loss: Literal["saturating", "nonsaturating"] = "nonsaturating"
    """G's loss: E log(1 - D(G(z))), eq. (1), or -E log D(G(z)), section 3."""
    noise: Literal["gaussian", "uniform"] = "gaussian"
    """Distribution of z: N(0, 1) or uniform on [-1, 1], in every coordinate that says no category."""
    noise_dim: int = 100
    """Coordinates of z."""
    categories: int = 0
    """So many of z's coordinates say which of as many categories was drawn, each as likely: there 5, else 0. Noise in
    one piece also makes what lies between two digits. 0: no categories."""
    architecture: Literal["dcgan", "textbook"] = "dcgan"
    """Radford's networks, or the textbook's for 32 x 32 x 3 (Chollet), whose G does 220 times the arithmetic; --width
    and --hidden are for the first."""
    width: int = 64
    """Channels of the DCGAN's layers nearest to the image; each further layer has twice as many."""
    hidden: int = 0
    """Units of a layer between z and the first image, and before the logit, that see the whole image. 0: none."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the matrix products. Parameters, losses and statistics are float32. bfloat16 is for GPU and TPU."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """The gradient rule of both players; the textbook's is RMSprop."""
    rate_g: float = 2e-4
    """Learning rate of G."""
    rate_d: float = 2e-4
    """Learning rate of D. Another one than G's balances the players, as k does."""
    b1: float = 0.5
    """Adam's momentum. .9 oscillates (Radford et al. 2016, section 4)."""
    b2: float = 0.999
    """Adam's memory of squared gradients."""
    clip: float = 0.0
    """Cut every entry of a gradient at this size, as the textbook does with 1. 0: off."""
    decay: bool = False
    """Let both learning rates fall linearly to 0."""
    average: float = 0.999
    """Sample from a running average of G's parameters with this memory. 0: from the newest."""
    r1: float = 0.0
    """Weight of the R1 penalty on D's slope at the data (Mescheder et al. 2018). 0: off."""
    smoothing: float = 0.0
    """One-sided: D is to say 1 - smoothing of real images, so that its logits stay bounded (Salimans et al. 2016)."""
    label_noise: float = 0.0
    """D's targets are moved inwards by up to this much, at random. The textbook adds up to .05 to both of them."""
    dropout: float = 0.0
    """Share of D's last hidden units that are off in training, so that D cannot learn its images by heart."""
    mirror: bool = False
    """Mirror half of the training images, at random: 5,000 frogs are soon learnt by heart. Digits have one side."""
    shift: int = 0
    """D sees real and fake images moved by up to this many pixels, at random, so that it learns less by heart."""
    skip_below: float = 0.0
    """D does not step where its loss is under this many nats (2 log 2 = 1.39 is chance), so that G catches up. With
    --decay D's rate falls by the steps that it takes."""

    def __post_init__(self):
        for name in ("steps", "batch", "k", "noise_dim", "width"):
            check.positive_integer(name, getattr(self, name))
        if self.batch < 2:
            raise ValueError("batch is 1, but must be at least 2: BatchNorm compares an image with its batch mates")
        for name in ("rate_g", "rate_d"):
            check.positive(name, getattr(self, name))
        for name in ("b1", "b2", "average", "smoothing", "label_noise", "dropout"):
            check.fraction(name, getattr(self, name))
        for name in ("clip", "r1", "skip_below"):
            check.nonnegative(name, getattr(self, name))
        for name in ("hidden", "shift", "categories"):
            check.nonnegative_integer(name, getattr(self, name))
        if self.categories >= self.noise_dim:
            raise ValueError(f"categories is {self.categories}, but must be below noise_dim, {self.noise_dim}")
        _script.check_choices(self)
        remedies.check_targets(self.smoothing, self.label_noise)


def build(training: Training, shape: tuple[int, int, int]) -> train.GAN:
    """The GAN that the settings describe, for images of that shape."""
    size, _, channels = shape
    dtype = jnp.dtype(training.dtype)
    if training.architecture == "dcgan":
        generator = networks.DCGANGenerator(size, channels, training.width, training.hidden, dtype)
        discriminator = networks.DCGANDiscriminator(
            size, channels, training.width, training.hidden, training.dropout, dtype
        )
    elif shape != (32, 32, 3):
        raise ValueError("architecture is 'textbook', but its networks are made for images of 32 x 32 x 3 alone")
    else:
        generator, discriminator = networks.FrogGenerator(dtype), networks.FrogDiscriminator(training.dropout, dtype)

    def optimizer(rate: float, updates: int) -> optax.GradientTransformation:
        schedule = optax.linear_schedule(rate, 0.0, updates) if training.decay else rate
        if training.optimizer == "adam":
            rule = optax.adam(schedule, training.b1, training.b2)
        else:
            rule = optax.rmsprop(schedule)
        return optax.chain(optax.clip(training.clip), rule) if training.clip else rule

    optimizer_g = optimizer(training.rate_g, training.steps)
    if training.average:
        optimizer_g = optax.chain(optimizer_g, remedies.average_parameters(training.average))
    return train.GAN(
        generator=generator,
        discriminator=discriminator,
        optimizer_g=optimizer_g,
        optimizer_d=optimizer(training.rate_d, training.steps * training.k),
        sample_noise=sampler_of_noise(training.noise, training.noise_dim, training.categories),
        batch=training.batch,
        k=training.k,
        generator_loss=training.loss,
        r1=training.r1,
        smoothing=training.smoothing,
        label_noise=training.label_noise,
        shift=training.shift,
        skip_below=training.skip_below,
    )


def sampler_of_noise(noise: str, dim: int, categories: int) -> train.Sampler:
    """z (n, dim): the first `categories` coordinates say which category it is, the others are continuous noise.

    A continuous G maps noise in one piece to images in one piece, and digits are ten islands: on the bridges between
    them its images are no digits (Khayatkhoei et al. 2018). With a category as one part of z (Chen et al. 2016, without
    their second loss) the noise has as many pieces as the data may want. Which piece becomes what, G finds by itself.
    """

    def sample(key, n):
        key_category, key_noise = jax.random.split(key)
        category = jax.random.randint(key_category, (n,), 0, max(1, categories))
        if noise == "gaussian":
            continuous = jax.random.normal(key_noise, (n, dim - categories))
        else:
            continuous = jax.random.uniform(key_noise, (n, dim - categories), minval=-1, maxval=1)
        return jnp.concatenate([CATEGORY * jax.nn.one_hot(category, categories), continuous], axis=1)

    return sample


def chunk_of_steps(
    gan: train.GAN, key: Array, mirror: bool
) -> Callable[..., tuple[train.GANState, train.Metrics, Array]]:
    """The compiled function (state, images, n): n steps, what they measured, and whether all parameters are finite.

    The state is donated: the new one is written where the old one lay.
    """

    @partial(jax.jit, static_argnames="n", donate_argnames="state")
    def advance(state, images, n):
        def sample_data(key, batch):
            key_which, key_mirror = jax.random.split(key)
            x = classifier.to_unit(images[jax.random.randint(key_which, (batch,), 0, len(images))])
            mirrored = jax.random.bernoulli(key_mirror, 0.5, (batch, 1, 1, 1)) & mirror
            return jnp.where(mirrored, x[:, :, ::-1], x)

        state, measured = train.train(gan, state, sample_data, key, n)
        sound = [jnp.isfinite(w).all() for w in jax.tree.leaves((state.g.params, state.d.params))]
        return state, measured, jnp.all(jnp.array(sound))

    return advance
