"""How a bound on the log-likelihood is raised: Adam, whose rate falls to 0, on a fresh draw in each step."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from experiments.command.progress import progress_bar
from experiments.neighbours.latent import in_parts
from gan_from_scratch import train

CHUNK = 500  # steps in one call at most: a second or two
LOOKS = 30  # moments of a curve
SEEN = 1_000  # test digits of the bound that costs many draws for each

Bound = Callable[[Any, Array, Array], Array]  # (parameters, x (n, ...), key) -> (n,) [nats]
Draw = Callable[[Array, Array], Array]  # (data, key) -> x


def learn(
    bound: Bound,
    draw: Draw,
    params: Any,
    data: Array,
    key: Array,
    steps: int,
    rate: float,
    looks: int,
    look: Callable[[int, Any], None],
) -> Any:
    """Parameters after so many steps up the mean of bound(params, x, key) (n,), with x = draw(data, key) in each.

    `look(step, params)` is called at so many evenly spaced steps, and before the first. FloatingPointError if a
    parameter is not finite.
    """
    optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps))

    @partial(jax.jit, static_argnames="n")
    def advance(player, data, start, n):
        def step(player, i):
            key_x, key_bound = jax.random.split(jax.random.fold_in(key, i))
            x = draw(data, key_x)
            gradient = jax.grad(lambda params: -jnp.mean(bound(params, x, key_bound)))(player.params)
            return train.descend(optimizer, player, gradient, {}), None

        return jax.lax.scan(step, player, start + jnp.arange(n))[0]

    player = train.Player(params, {}, optimizer.init(params))
    look(0, params)
    at = 0
    for moment in np.unique(np.linspace(0, steps, looks + 1).round().astype(int))[1:].tolist():
        while at < moment:
            n = min(CHUNK, moment - at)
            player, at = advance(player, data, at, n), at + n
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(player.params)):
            raise FloatingPointError(f"the VAE's training went non-finite by step {at} at rate {rate}")
        look(at, player.params)
    return player.params


@partial(jax.jit, static_argnames="bound")
def mean_over_draws(bound: Bound, params: Any, x: Array, keys: Array) -> Array:
    """Of the bound of each row, and over the keys (draws,)."""
    return jnp.mean(jax.lax.map(lambda key: bound(params, x, key), keys))


def learn_images(
    elbo: Bound,
    closer: Bound,
    draw: Draw,
    params: Any,
    images: np.ndarray,
    test: np.ndarray,
    key: Array,
    steps: int,
    batch: int,
    rate: float,
) -> tuple[Any, dict[str, list[float]]]:
    """Parameters after so many steps up the ELBO of `batch` images drawn from all, and the curve on the way.

    `draw` makes pixels 0 or 1 of images uint8 (n, h, w, c). The curve: the ELBO of training and of as many test images,
    and the closer bound of some test images, after so many `step`s, `epochs` and `seconds` of learning alone. Nothing
    learns from `test`.
    """
    key_learn, key_look = jax.random.split(key)
    sets = {"training": images[: len(test)], "test": test}
    seen = {
        "elbo_training": (jax.jit(elbo), "training", len(test)),
        "elbo_test": (jax.jit(elbo), "test", len(test)),
        "closer_test": (jax.jit(closer), "test", SEEN),
    }
    curve = {name: [] for name in ("step", "epochs", "seconds", *seen)}
    started, looking = time.perf_counter(), 0.0
    with progress_bar() as bar:
        task = bar.add_task("VAE", total=steps, numbers="compiling")

        def look(step, params):
            nonlocal looking
            begun = time.perf_counter()
            curve["seconds"].append(round(begun - started - looking, 1))
            curve["step"].append(step)
            curve["epochs"].append(step * batch / len(images))
            keys = jax.random.split(jax.random.fold_in(key_look, step), len(sets) + len(seen))
            pixels = {name: in_parts(draw, of, key) for (name, of), key in zip(sets.items(), keys, strict=False)}
            for (name, (bound, of, n)), key in zip(seen.items(), keys[len(sets) :], strict=True):
                curve[name].append(float(in_parts(partial(bound, params), pixels[of][:n], key).mean()))
            looking += time.perf_counter() - begun
            bar.update(task, completed=step, numbers=f"ELBO of test digits {curve['elbo_test'][-1]:.2f} nats")

        def drawn(images, key):
            key_which, key_pixels = jax.random.split(key)
            return draw(images[jax.random.randint(key_which, (batch,), 0, len(images))], key_pixels)

        params = learn(elbo, drawn, params, jnp.asarray(images), key_learn, steps, rate, LOOKS, look)
    return params, curve
