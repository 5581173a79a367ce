"""A classifier as functions of its parameters: one of ten digits, or logistic regression between two."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array


class Model(NamedTuple):
    """A network as functions of its parameters. Images x (n, h, w, 1) in [0, 1], labels y (n,), logits (n, ...)."""

    init: Callable[[Array], Any]  # key -> parameters
    logits: Callable[..., Array]  # (parameters, x, key): in training key switches units off; None: none is off
    loss: Callable[[Array, Array], Array]  # (logits, y) -> J of each image [nats]
    label: Callable[[Array], Array]  # logits -> the label that is most likely
    confidence: Callable[[Array], Array]  # logits -> its probability
    digit: Callable[[int], int]  # label -> what it stands for


def of_module(module: Any, shape: tuple[int, ...]) -> Model:
    """Ten classes."""

    def logits(params, x, key):
        rngs = None if key is None else {"dropout": key}
        return module.apply({"params": params}, x, train=key is not None, rngs=rngs)

    return Model(
        init=lambda key: module.init(key, jnp.zeros((1, *shape)), train=False)["params"],
        logits=logits,
        loss=optax.losses.softmax_cross_entropy_with_integer_labels,
        label=lambda a: a.argmax(axis=-1),
        confidence=lambda a: jax.nn.softmax(a).max(axis=-1),
        digit=lambda label: label,
    )


def logistic(shape: tuple[int, ...], pair: tuple[int, int]) -> Model:
    """Labels y = 1 and -1 for the digits of the pair; J = softplus(-y (w.x + b))."""
    return Model(
        init=lambda key: {"w": jnp.zeros(shape), "b": jnp.zeros(())},
        logits=lambda params, x, key: jnp.tensordot(x, params["w"], 3) + params["b"],
        loss=lambda a, y: jax.nn.softplus(-y * a),
        label=lambda a: jnp.where(a >= 0, 1, -1),
        confidence=lambda a: jax.nn.sigmoid(jnp.abs(a)),
        digit=lambda y: pair[0] if y == 1 else pair[1],
    )
