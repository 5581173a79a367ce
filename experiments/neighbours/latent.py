"""Models of x with a hidden z as functions of their parameters: linear ones, and networks of images."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

PART = 500  # images in one call where all of a set are asked about


class Autoencoder(NamedTuple):
    """Data x (n, ...), hidden z (n, latent)."""

    init: Callable[[Array], Any]  # key -> parameters
    encode: Callable[[Any, Array], tuple[Array, Array]]  # (parameters, x) -> mean, log variance of q(z|x), (n, latent)
    decode: Callable[[Any, Array], Any]  # (parameters, z) -> what p(x|z) depends on
    log_likelihood: Callable[[Any, Array], Array]  # (what `decode` gives, x) -> log p(x|z) (n,) [nats]


def linear(dim: int, latent: int, log_likelihood: Callable) -> Autoencoder:
    """x = z w + mean + noise of one variance in each direction; q's mean is affine in x, its variance is one of all x.

    `decode` gives mean (n, dim) and log variance ().
    """

    def init(key):
        key_encoder, key_decoder = jax.random.split(key)
        return {
            "encoder": {
                "w": jax.random.normal(key_encoder, (dim, latent)) / dim**0.5,
                "b": jnp.zeros(latent),
                "log_variance": jnp.zeros(latent),
            },
            "decoder": {
                "w": jax.random.normal(key_decoder, (latent, dim)) / latent**0.5,
                "mean": jnp.zeros(dim),
                "log_variance": jnp.zeros(()),
            },
        }

    def encode(params, x):
        mean = x @ params["encoder"]["w"] + params["encoder"]["b"]
        return mean, jnp.broadcast_to(params["encoder"]["log_variance"], mean.shape)

    def decode(params, z):
        return z @ params["decoder"]["w"] + params["decoder"]["mean"], params["decoder"]["log_variance"]

    return Autoencoder(init, encode, decode, log_likelihood)


def of_modules(encoder: Any, decoder: Any, log_likelihood: Callable) -> Autoencoder:
    """Of two Flax modules; the decoder knows the images' shape, and the encoder the number of z's coordinates."""

    def init(key):
        key_encoder, key_decoder = jax.random.split(key)
        return {
            "encoder": encoder.init(key_encoder, jnp.zeros((1, *decoder.shape)))["params"],
            "decoder": decoder.init(key_decoder, jnp.zeros((1, encoder.latent)))["params"],
        }

    return Autoencoder(
        init=init,
        encode=lambda params, x: encoder.apply({"params": params["encoder"]}, x),
        decode=lambda params, z: decoder.apply({"params": params["decoder"]}, z),
        log_likelihood=log_likelihood,
    )


def in_parts(function: Callable[[Array, Array], Array], x: np.ndarray | Array, key: Array) -> np.ndarray:
    """function(part, key) (n,) or (n, ...) of PART rows of x at a time, each with a key of its own."""
    found = [function(x[i : i + PART], jax.random.fold_in(key, i)) for i in range(0, len(x), PART)]
    return np.concatenate([np.asarray(each) for each in found])
