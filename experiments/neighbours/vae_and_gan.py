"""A VAE's images, z and lines through it, beside a GAN's and real digits'."""

from typing import Any

import jax
import numpy as np
from jax import Array

from experiments.command.progress import phase
from experiments.image_runs.classifier import Judge
from experiments.image_runs.samples import images_at
from experiments.image_runs.scores import of_images
from experiments.neighbours.latent import Autoencoder, in_parts
from experiments.neighbours.latent_space import POINTS, along_lines, lines, nearest_neighbour, sharpness
from gan_from_scratch import data, train

LINES = 1_000  # through each space, at most
REAL = "training digits"


def compared(
    model: Autoencoder,
    params: Any,
    gan: train.GAN,
    state: train.GANState,
    judge: Judge,
    digits: data.Dataset,
    test: data.Dataset,
    drawn: tuple[np.ndarray, np.ndarray],
    key: Array,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Numbers, and by name POINTS images of each kind (POINTS, h, w, 1) uint8 to look at.

    `drawn` are the pixels (n, h, w, 1), 0 or 1, of training and test digits, as the encoder sees them. As many images
    of each kind are judged as there are test digits.
    """
    key_z, key_noise, key_ends = jax.random.split(key, 3)
    n, (others, labels) = len(test[0]), digits
    encode = jax.jit(lambda x, _: model.encode(params, x)[0])
    encoded_others, encoded = (in_parts(encode, x, key) for x in drawn)
    z, noise = jax.random.normal(key_z, encoded.shape), gan.sample_noise(key_noise, n)
    with phase("judging"):
        images = {
            REAL: others[np.linspace(0, len(others) - 1, n).round().astype(int)],
            "VAE": grey(model, params, z),
            "VAE, from test digits": grey(model, params, encoded),
            "GAN": images_at(gan, state, noise),
        }
        _, reference = judge(test[0])
        judged = {
            name: of_images(judge, "mnist", each, reference) | {"sharpness": sharpness(each)}
            for name, each in images.items()
        }
    with phase("lines between images"):
        a, b = jax.random.permutation(key_ends, n)[: 2 * min(n // 2, LINES)].reshape(2, -1)
        through = {
            "VAE, between test digits": grey(model, params, flat(lines(encoded[a], encoded[b]))),
            "VAE, between draws of z": grey(model, params, flat(lines(z[a], z[b]))),
            "GAN, between draws of z": images_at(gan, state, flat(lines(noise[a], noise[b]))),
            "pixels of two test digits, mixed": np.asarray(lines(test[0][a], test[0][b]).round().astype(np.uint8)),
        }
        through = {name: each.reshape(POINTS, len(a), *test[0].shape[1:]) for name, each in through.items()}
        between = {name: along_lines(judge, each) for name, each in through.items()}
    with phase("nearest neighbours"):
        nearest = {
            "z": nearest_neighbour(encoded, test[1], encoded_others, labels),
            "pixels": nearest_neighbour(drawn[1], test[1], drawn[0], labels),
        }
    shown = {"test digits": test[0]} | {name: images[name] for name in images if name != REAL}
    shown = {name: each[:POINTS] for name, each in shown.items()} | {name: each[:, 0] for name, each in through.items()}
    found = {"judged": judged, "sharpness_of_test": sharpness(test[0]), "lines": between, "nearest_neighbour": nearest}
    return found, shown


def grey(model: Autoencoder, params: Any, z: np.ndarray | Array) -> np.ndarray:
    """The probability of each pixel given z (n, latent), as bytes (n, h, w, c): an image without a draw's noise."""
    probability = jax.jit(lambda z, _: jax.nn.sigmoid(model.decode(params, z)))
    return np.round(255 * in_parts(probability, z, jax.random.key(0))).astype(np.uint8)


def flat(z: Array) -> Array:
    """(points, n, d) to (points n, d)."""
    return z.reshape(-1, z.shape[-1])


def report(numbers: dict[str, Any]) -> None:
    """Medians over seeds; what a GAN does not have is a dash."""
    exact = [of["moments"][-1] | {"pca": of["log_p_of_ppca"]} for of in numbers["exact"]]
    elbo, log_p, pca = (median(exact, name) for name in ("elbo", "log_p", "pca"))
    print(f"linear VAE: ELBO {elbo:.3f}, log p {log_p:.3f}, of probabilistic PCA {pca:.3f} nats")
    ends = [{name: values[-1] for name, values in of.items()} for of in numbers["curves"]]
    minus_elbo, minus_log_p = -median(ends, "elbo_test"), median(numbers["minus_log_p"], "mean")
    minutes = median(ends, "seconds") / 60, float(np.median(numbers["gan_seconds"])) / 60
    published = numbers["published"]
    title, nats = (f"Burda et al., {published['epochs']:,} epochs", published["nats"]) if published else ("", "")
    print(f"{'':34}{'VAE':>8}{'GAN':>8}{title:>29}")
    print(f"{'-ELBO of test digits [nats]':34}{minus_elbo:>8.2f}{'-':>8}{'-':>29}")
    print(f"{'-log p of test digits, at most':34}{minus_log_p:>8.2f}{'-':>8}{nats:>29}")
    print(f"{'minutes of training':34}{minutes[0]:>8.1f}{minutes[1]:>8.1f}")
    beside = numbers["beside"]
    z, pixels = (100 * median(beside, "nearest_neighbour", space) for space in ("z", "pixels"))
    print(f"{'1-nearest neighbour in z, right':34}{z:>6.1f} %{'-':>8}   in pixels: {pixels:.1f} %")
    heads = {"frechet": "Frechet distance", "class_score": "class score", "sharpness": "sharpness"}
    print(f"{'images':34}" + "".join(f"{head:>18}" for head in heads.values()))
    for name in beside[0]["judged"]:
        print(f"{name:34}" + "".join(f"{cell(median(beside, 'judged', name, what)):>18}" for what in heads))
    print("The VAE's images are probabilities of pixels; those from test digits are held against the same digits.")
    heads = {"sure_ends": "sure, ends", "sure_middle": "sure, middle", "kept": "kept (chance .1)",
             "largest_step": "largest step", "detour": "detour"}  # fmt: skip
    print(f"{'lines':34}" + "".join(f"{head:>18}" for head in heads.values()))
    for name in beside[0]["lines"]:
        print(f"{name:34}" + "".join(f"{cell(median(beside, 'lines', name, what)):>18}" for what in heads))


def median(of_seeds: list[dict[str, Any]], *path: str) -> float | None:
    """Of the number that lies at the path in each; None if one has none."""
    values = of_seeds
    for name in path:
        values = [value[name] for value in values]
    return None if None in values else float(np.median(values))


def cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
