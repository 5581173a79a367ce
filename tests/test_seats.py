"""What later papers add sits in train.GAN's seats.

Of the loss: relativistic. Beside it: R2. Around D: packing. Who moves: unrolling.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_from_scratch import networks, remedies, train
from gan_from_scratch.collapse.packing import Packed
from gan_from_scratch.collapse.unrolled import Unrolled
from gan_from_scratch.distributions import Gaussian, Uniform

DATA, NOISE = Gaussian(4.0, 1.25), Uniform(-1.0, 1.0)
KEY = jax.random.key(7)


def gan_with(**parts) -> train.GAN:
    """A small GAN that steps by minus the gradient; made anew, parts included, with each call."""
    players = {"generator": networks.Generator((5,)), "discriminator": networks.Discriminator((5,))}
    return train.GAN(**players | parts, optimizer_g=SGD, optimizer_d=SGD, sample_noise=NOISE.sample, batch=6)


SGD = optax.sgd(1.0)
SEATED = {
    "R2": lambda: gan_with(penalties=(remedies.R2(0.3),)),
    "relativistic": lambda: gan_with(loss_g=remedies.relativistic, loss_d=remedies.relativistic),
    "packed": lambda: gan_with(discriminator=Packed(networks.Discriminator((5,)), 3)),
    "unrolled": lambda: gan_with(step_g=Unrolled(1)),
    "all": lambda: gan_with(
        penalties=(remedies.R2(0.3), remedies.R1(0.1)), loss_g=remedies.relativistic, loss_d=remedies.relativistic,
        discriminator=Packed(networks.Discriminator((5,)), 3),
        step_g=Unrolled(1), step_d=remedies.Skipping(0.01),
    ),
}  # fmt: skip


@partial(jax.jit, static_argnames="gan")
def played(gan):
    """The state, data, noise."""
    return train.init(gan, KEY), DATA.sample(KEY, gan.batch), NOISE.sample(KEY, gan.batch)


@partial(jax.jit, static_argnames="gan")
def steps(gan, state, x, z):
    """The state after D's step alone, and after G's alone."""
    step_d, step_g = gan.step_d or train.discriminator_step, gan.step_g or train.generator_step
    return step_d(gan, state, x, z, KEY)[0], step_g(gan, state, x, z, KEY)[0]


def same(first, second) -> list[bool]:
    """For each leaf: equal to the last bit?"""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return [np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs]


@pytest.mark.parametrize("make", SEATED.values(), ids=SEATED)
def test_the_frozen_player_stays_as_it_is_to_the_last_bit(make):
    gan = make()
    state, x, z = played(gan)
    after_d, after_g = steps(gan, state, x, z)
    assert all(same(state.g, after_d.g)) and not all(same(state.d.params, after_d.d.params))
    assert all(same(state.d, after_g.d)) and not all(same(state.g.params, after_g.g.params))


def staying(gan, state, x, z, key):
    return state, {"x_of_one_who_stays": jnp.mean(x)}


@pytest.mark.parametrize(("seat", "stays", "moves"), [("step_g", "g", "d"), ("step_d", "d", "g")])
def test_who_moves_is_asked_in_algorithm_1(seat, stays, moves):
    """Of two players of whom one never moves, the other does; what the seat measured is handed on."""
    gan = gan_with(**{seat: staying})
    start, _, _ = played(gan)
    after, measured = train.train(gan, start, DATA.sample, KEY, 1)
    assert all(same(getattr(start, stays), getattr(after, stays)))
    assert not all(same(getattr(start, moves).params, getattr(after, moves).params))
    assert "x_of_one_who_stays" in measured


def test_equal_gans_are_equal_keys_of_what_is_compiled():
    before = train.train._cache_size()
    for make in SEATED["all"], SEATED["all"]:
        state, _ = train.train(make(), played(make())[0], DATA.sample, KEY, 2)
    assert train.train._cache_size() == before + 1
    assert state.step == 2
    for name, make in SEATED.items():
        assert make() == make() and hash(make()) == hash(make()), name


def test_compiled_the_generators_step_leaves_out_what_its_loss_does_not_ask_for():
    """It costs what a step without D(x) costs, in floating point operations, and less than one that needs D(x)."""
    sgd = optax.sgd(0.1)
    gan = train.GAN(networks.Generator((32,)), networks.Discriminator((64, 64)), sgd, sgd, NOISE.sample, batch=64)
    state, (x, z) = train.init(gan, KEY), (DATA.sample(KEY, 64), NOISE.sample(KEY, 64))

    def by_hand(state, x, z, key):
        def loss(params_g):
            fake = gan.generator.apply({"params": params_g}, z, train=True)
            return jnp.mean(jax.nn.softplus(-gan.discriminator.apply({"params": state.d.params}, fake, train=True)))

        loss_g, slope = jax.value_and_grad(loss)(state.g.params)
        return jax.tree.map(lambda w, s: w - 0.1 * s, state.g.params, slope), loss_g

    def cost(step):
        return jax.jit(step).lower(state, x, z, KEY).compile().cost_analysis()["flops"]

    ours = cost(partial(train.generator_step, gan))
    assert ours == pytest.approx(cost(by_hand), rel=0.01)
    assert ours < 0.8 * cost(partial(train.generator_step, dataclasses.replace(gan, loss_g=remedies.relativistic)))
