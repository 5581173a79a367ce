"""A variational autoencoder: how likely is a digit, and what does a GAN lack that has no encoder? (12 minutes a seed)

Kingma & Welling 2014, whose equations and sections are meant where no other paper is named: a lower bound on log p(x)
that can be climbed. Beside it a small DCGAN on the same digits.
Writes vae.png, curve.png and result.json.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.memory import bytes_of, refuse
from experiments.command.progress import phase
from experiments.command.quick import at_most
from experiments.command.results import counted, save_figure, save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.images import check_batch, load
from experiments.image_runs.scores import number_to_judge
from experiments.neighbours import gan_beside, vae_and_gan
from experiments.neighbours.bound import learn, learn_images, mean_over_draws
from experiments.neighbours.latent import Autoencoder, in_parts, linear, of_modules
from experiments.pictures import vae as pictures
from gan_from_scratch import check, data
from gan_from_scratch.neighbours.autoencoders import BernoulliDecoder, GaussianEncoder

# 1. The bound. z ~ N(0, I) is hidden; a decoder gives p(x|z), an encoder q(z|x) = N(m, diag(s^2)). For any q
#        log p(x) = E_q[log p(x, z) - log q(z|x)] + KL(q(z|x) || p(z|x))        (eqs. (1), (2)):
# the first term, the ELBO, is below log p(x) by as much as q differs from p(z|x), and both networks climb it.


def drawn(mean: Array, log_variance: Array, key: Array) -> Array:
    """z = m + s eps, eps ~ N(0, I): a draw from q whose slope in m and s is known (section 2.4)."""
    return mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)


def kl_to_prior(mean: Array, log_variance: Array) -> Array:
    """KL(N(m, diag(s^2)) || N(0, I)) = -1/2 sum_j (1 + log s_j^2 - m_j^2 - s_j^2) of each row [nats], appendix B."""
    return -jnp.sum(1 + log_variance - mean**2 - jnp.exp(log_variance), axis=-1) / 2


def elbo(model: Autoencoder, params: Any, x: Array, key: Array) -> Array:
    """E_q log p(x|z) - KL(q(z|x) || p(z)) of each row, eq. (3); E_q by one draw, eq. (10)."""
    mean, log_variance = model.encode(params, x)
    z = drawn(mean, log_variance, key)
    return model.log_likelihood(model.decode(params, z), x) - kl_to_prior(mean, log_variance)


def importance_weighted(model: Autoencoder, params: Any, x: Array, key: Array, k: int) -> Array:
    """log 1/k sum_i p(x, z_i) / q(z_i|x), z_i ~ q(z|x), of each row: Burda et al. 2016, eq. (8).

    In the mean at most log p(x), the ELBO for k = 1, never lower for a larger k, and log p(x) in the end.
    """
    mean, log_variance = model.encode(params, x)

    def log_weight(key):
        z = drawn(mean, log_variance, key)
        log_joint = model.log_likelihood(model.decode(params, z), x) + log_normal(z, 0.0, 0.0)
        return log_joint - log_normal(z, mean, log_variance)

    return jax.nn.logsumexp(jax.lax.map(log_weight, jax.random.split(key, k)), axis=0) - jnp.log(k)


def log_normal(x: Array, mean: Array | float, log_variance: Array | float) -> Array:
    """log N(x; mean, diag(variance)) of each row."""
    return -jnp.sum(jnp.log(2 * jnp.pi) + log_variance + (x - mean) ** 2 / jnp.exp(log_variance), axis=-1) / 2


def log_bernoulli(logits: Array, x: Array) -> Array:
    """sum of log p over pixels that are 0 or 1, eq. (11): of a grey pixel it would be no probability."""
    return jnp.sum(x * logits - jax.nn.softplus(logits), axis=tuple(range(1, x.ndim)))


# 2. The exact case. A linear decoder makes x Gaussian, N(mean, W^T W + s^2 I), and the likeliest W and s^2 are known:
# probabilistic PCA. With rows of W at right angles p(z|x) has one diagonal covariance for all x, so that a linear
# encoder reaches it: the ELBO's highest point is log p's (Lucas et al. 2019).


def probabilistic_pca(x: np.ndarray, latent: int) -> dict[str, np.ndarray]:
    """The mean, W (latent, dim) and log s^2 of Tipping & Bishop 1999, eqs. (7) and (8)."""
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False, bias=True))  # the smallest first
    variance = values[:-latent].mean()
    w = np.sqrt(values[-latent:] - variance)[:, None] * vectors[:, -latent:].T
    return {"mean": x.mean(axis=0), "w": w, "log_variance": np.log(variance)}


def log_marginal(x: np.ndarray, mean: np.ndarray, w: np.ndarray, log_variance: float) -> float:
    """Mean over rows of log N(x; mean, W^T W + s^2 I) [nats], in float64: Tipping & Bishop 1999, eq. (4)."""
    w, apart = np.asarray(w, np.float64), x - np.asarray(mean, np.float64)
    covariance = w.T @ w + np.exp(np.float64(log_variance)) * np.eye(x.shape[1])
    squares = np.sum(apart * np.linalg.solve(covariance, apart.T).T, axis=1)
    return float(-(x.shape[1] * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + squares.mean()) / 2)


DIM, LATENT, ROWS = 10, 3, 2_000  # the data's rank is DIM: much is left to the noise
EXACT_STEPS, EXACT_RATE = 2_000, 0.05  # the highest point is reached to .001 nats; at .02 it takes longer
DRAWS = 200  # of each row's z where a mean is asked for: the ELBO's error is about .003 nats


def exact_case(key: Array) -> dict[str, Any]:
    """A linear VAE climbs its ELBO as the digits' one does; on the way all bounds beside log p."""
    key_w, key_x, key_init, key_learn, key_look = jax.random.split(key, 5)
    scales = jnp.linspace(1, 0.1, DIM)[:, None]
    x = jax.random.normal(key_x, (ROWS, DIM)) @ (scales * jax.random.normal(key_w, (DIM, DIM)))
    model = linear(DIM, LATENT, lambda of, x: log_normal(x, *of))
    bound, rows, moments = partial(elbo, model), np.asarray(x, np.float64), []
    bounds = {"elbo": (bound, 1)} | {f"weighted_{k}": (partial(importance_weighted, model, k=k), k) for k in (5, 50)}

    def look(step, params):
        found, keys_of_bounds = {}, jax.random.split(jax.random.fold_in(key_look, step), len(bounds))
        for (name, (f, k)), key in zip(bounds.items(), keys_of_bounds, strict=True):
            found[name] = float(mean_over_draws(f, params, x, jax.random.split(key, DRAWS // k)))
        moments.append({"step": step, **found, "log_p": log_marginal(rows, **params["decoder"])})

    learn(bound, lambda x, key: x, model.init(key_init), x, key_learn, EXACT_STEPS, EXACT_RATE, 6, look)
    return {"moments": moments, "log_p_of_ppca": log_marginal(rows, **probabilistic_pca(rows, LATENT))}


# 3. Digits.


@jax.jit
def pixels_drawn(images: Array, key: Array) -> Array:
    """Each pixel is 1 with its grey as the probability, anew with each key: Burda et al. 2016, section 5, and others.

    A threshold would make another data set, and fixed draws would be learnt by heart.
    """
    return jax.random.bernoulli(key, images / jnp.float32(255)).astype(jnp.float32)


WRITES = ("vae.png", "curve.png", "result.json")
BURDA = {"nats": 86.76, "epochs": 3280}  # their table 1: -log p of test digits, one layer of z, k = 1
RATE = 1e-3  # Adam's usual one; it falls to 0 along a cosine
K, K_ON_THE_WAY = 500, 50  # draws of z for a digit's log p; Burda et al. have 5,000, which lowers the number a little


@dataclass(frozen=True)
class Config:
    """With --hidden 200 the networks are Burda's: 784-200-200-50 with tanh, and back."""

    steps: int = 180_000
    """Steps of the VAE."""
    batch: int = 100
    """Digits in a step of it."""
    latent: int = 50
    """Coordinates of z, the VAE's and the GAN's."""
    hidden: int = 200
    """Units in each of two layers of the encoder and of the decoder."""
    gan_steps: int = 6_000
    """Steps of the GAN: fewer minutes than the VAE's."""
    samples: int = 10_000
    """Images of each kind that are judged, and test digits whose log p is estimated; all that there are at most."""
    seed: int = 0
    """Decides every draw."""
    seeds: int = 1
    """Trainings of each kind."""
    out: Path = Path("runs/vae")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    cache: Path | None = None
    """Folder in which the classifier that judges is kept. None: the user's cache folder."""
    quick: bool = False
    """The whole pipeline in less than a minute: 1 seed, 2,000 steps, 40 of the GAN, 1,000 digits judged."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("steps", "batch", "latent", "hidden", "gan_steps", "samples", "seeds"):
            check.positive_integer(name, getattr(self, name))
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, seeds=1, steps=2_000, gan_steps=40, samples=1_000)


def main(config: Config) -> None:
    """Digits -> the exact case, VAE and GAN -> log p, images, lines and neighbours -> pictures."""
    started = time.perf_counter()
    digits, test = (load("mnist", split, config.data_dir, config.synthetic, config.quick) for split in data.SPLITS)
    check_batch(config.batch, len(digits[0]))
    n = number_to_judge(config.samples, min(len(test[0]), len(digits[0])))
    test = tuple(each[:n] for each in test)
    judge_learning = learning_for("mnist", config.synthetic, config.quick)
    shape, widths = digits[0].shape[1:], (config.hidden,) * 2
    model = of_modules(GaussianEncoder(config.latent, widths), BernoulliDecoder(shape, widths), log_bernoulli)
    refuse("hidden or latent", 4 * bytes_of(jax.eval_shape(model.init, jax.random.key(0))))  # slopes, Adam's two
    gan = gan_beside.small(shape, config.latent, config.gan_steps)
    check_cache(config.cache)
    prepare_folder(config.out, "vae", WRITES)
    judge, _ = trained(judge_learning, digits, config.cache)
    weighted = partial(importance_weighted, model)
    published = None if config.synthetic else BURDA
    numbers = {"published": published, "exact": [], "curves": [], "gan_seconds": [], "minus_log_p": [], "beside": []}
    to_show = {}
    for i in range(config.seeds):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), i), 8)
        with phase("a linear VAE against probabilistic PCA"):
            numbers["exact"].append(exact_case(keys[0]))
        bounds, budget = (partial(elbo, model), partial(weighted, k=K_ON_THE_WAY)), (config.steps, config.batch, RATE)
        params, curve = learn_images(*bounds, pixels_drawn, model.init(keys[1]), digits[0], test[0], keys[2], *budget)
        numbers["curves"].append(curve)
        save_result(config.out, config, started, numbers)
        state, seconds = gan_beside.learnt(gan, digits[0], config.gan_steps, keys[3])
        numbers["gan_seconds"].append(seconds)
        x = tuple(in_parts(pixels_drawn, of[0], key) for of, key in ((digits, keys[4]), (test, keys[5])))
        with phase(f"log p of {n:,} test digits"):
            log_p = in_parts(jax.jit(partial(weighted, params, k=K)), x[1], keys[6])
        numbers["minus_log_p"].append({"mean": -float(log_p.mean()), "standard_error": float(log_p.std() / n**0.5)})
        found, shown = vae_and_gan.compared(model, params, gan, state, judge, digits, test, x, keys[7])
        numbers["beside"].append(found)
        to_show = to_show or shown
        save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        save_figure(config.out, "vae.png", pictures.images(to_show, numbers["beside"][0]))
        save_figure(config.out, "curve.png", pictures.curves(numbers["curves"], numbers["minus_log_p"], published))
    print(f"medians over {counted(config.seeds, 'seed')}; results in {config.out}")
    vae_and_gan.report(numbers)


if __name__ == "__main__":
    command_line(Config, main, __doc__)
