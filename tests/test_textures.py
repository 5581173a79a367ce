"""Textures of which any number can be drawn, and how an imitation is judged by a second draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.neighbours import held_out, textures


@pytest.mark.parametrize("process", textures.TEXTURES.values(), ids=textures.TEXTURES)
def test_textures_are_stationary_and_drawn_anew_with_each_key(process):
    draws = jax.jit(jax.vmap(lambda key: process(key, 16)))(jax.random.split(jax.random.key(0), 400))
    assert draws.shape == (400, 16, 16, 3) and draws.min() >= 0.1 and draws.max() <= 0.9
    assert not jnp.any(jnp.all(draws[1:] == draws[0], axis=(1, 2, 3)))
    means, deviation = draws.mean(axis=0), draws.std(axis=0)
    # 256 places are compared, of 400 draws each: five standard errors.
    assert np.all(np.abs(means - means.mean(axis=(0, 1))) < 5 * deviation / 400**0.5)
    # Opposite edges are neighbours like any others, in each direction.
    for axis in (1, 2):
        change = jnp.abs(draws - jnp.roll(draws, 1, axis)).mean(axis=(0, 3 - axis, 3))
        np.testing.assert_allclose(change, change.mean(), rtol=0.2)


def test_what_is_judged_as_a_multiple_of_a_second_draw():
    shown = {"texture": jnp.zeros(2), held_out.SECOND: jnp.array([1.0, 1.0]), "other": jnp.array([2.0, 0.0])}
    found = held_out.judged(lambda x, weights: jnp.sum(weights * x), shown, [(jnp.array([1.0, 3.0]),), (jnp.ones(2),)])
    assert found["losses"] == {held_out.SECOND: [4, 2], "other": [2, 2]}
    assert found["multiples"] == {held_out.SECOND: [1, 1], "other": [0.5, 1]}
