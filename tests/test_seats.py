"""What later papers add and the package does not contain sits in train.GAN's seats, written beside its test.

Of the loss: relativistic. Beside it: R2. Around D: packing. Who moves: unrolling.
"""

import dataclasses
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import losses, networks, remedies, train
from gan_from_scratch.distributions import Gaussian, Uniform

DATA, NOISE = Gaussian(4.0, 1.25), Uniform(-1.0, 1.0)
KEY = jax.random.key(7)


@dataclasses.dataclass(frozen=True)
class R2:
    """gamma/2 E ||grad_x a(G(z))||^2: R1 on the fakes. Mescheder et al. 2018, eq. (10)."""

    gamma: float

    def __call__(self, seen, key):
        return self.gamma * remedies.r1_penalty(seen.logits_of, seen.fake)


def relativistic(own, other):
    """E softplus(-(a(own) - E a(other))) + E softplus(a(other) - E a(own)), D's loss. Jolicoeur-Martineau 2019."""
    return jnp.mean(jax.nn.softplus(other.mean() - own)) + jnp.mean(jax.nn.softplus(other - own.mean()))


class Packed(nn.Module):
    """One logit for `m` samples, which D sees side by side. Lin et al. 2018, PacGAN."""

    discriminator: nn.Module
    m: int

    @nn.compact
    def __call__(self, x, train):
        return self.discriminator(x.reshape(x.shape[0] // self.m, -1), train)


def unrolled_step(gan, state, x, z, key):
    """G's step against the D that a plain step of length 1/2 makes, differentiated through it. Metz et al. 2017."""
    of_d = train.discriminator_objective(gan, state, x, z, key)
    of_g = train.generator_objective(gan, state, x, z, key)

    def objective(params_g):
        slope, _ = jax.grad(of_d, argnums=1, has_aux=True)(params_g, state.d.params)
        return of_g(params_g, jax.tree.map(lambda w, s: w - 0.5 * s, state.d.params, slope))

    gradient, ((stats_g, _), metrics) = jax.grad(objective, has_aux=True)(state.g.params)
    return state._replace(g=train.descend(gan.optimizer_g, state.g, gradient, stats_g)), metrics


def gan_with(**parts) -> train.GAN:
    """A small GAN that steps by minus the gradient; made anew, parts included, with each call."""
    players = {"generator": networks.Generator((5,)), "discriminator": networks.Discriminator((5,))}
    return train.GAN(**players | parts, optimizer_g=SGD, optimizer_d=SGD, sample_noise=NOISE.sample, batch=6)


SGD = optax.sgd(1.0)
SEATED = {
    "R2": lambda: gan_with(penalties=(R2(0.3),)),
    "relativistic": lambda: gan_with(loss_g=relativistic, loss_d=relativistic),
    "packed": lambda: gan_with(discriminator=Packed(networks.Discriminator((5,)), 3)),
    "unrolled": lambda: gan_with(step_g=unrolled_step),
    "all": lambda: gan_with(
        penalties=(R2(0.3), remedies.R1(0.1)), loss_g=relativistic, loss_d=relativistic,
        discriminator=Packed(networks.Discriminator((5,)), 3),
        step_g=unrolled_step, step_d=remedies.Skipping(0.01),
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


def test_r2_by_hand():
    """The logit tanh(b x) has the slope b (1 - tanh^2), so R2 is gamma b^2 / 2 times the mean of (1 - tanh^2)^2."""

    class Bent(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return jnp.tanh(self.param("b", nn.initializers.constant(1.5), ()) * x[:, 0])

    plain = gan_with(discriminator=Bent())
    state, x, z = played(plain)
    with_r2 = dataclasses.replace(plain, penalties=(R2(0.3),))
    (without, _), (penalised, _) = (steps(gan, state, x, z) for gan in (plain, with_r2))
    b, fake = 1.5, np.asarray(train.generate(plain, state, z), np.float64)
    t = np.tanh(b * fake)
    slope = 0.3 * np.mean(b * (1 - t**2) ** 2 - 2 * b**2 * (1 - t**2) ** 2 * t * fake)  # of the penalty, in b
    assert float(without.d.params["b"] - penalised.d.params["b"]) == pytest.approx(slope, rel=1e-3, abs=1e-6)


@given(logits=st.lists(st.floats(-20, 20), min_size=8, max_size=8).map(np.array), c=st.floats(-100, 100))
def test_relativistic_losses_see_differences_alone(logits, c):
    """A constant on all logits changes nothing, and with one sample on each side both terms are softplus(b - a)."""
    real, fake = logits[:5], logits[5:]
    with jax.enable_x64(True):
        assert float(relativistic(real + c, fake + c)) == pytest.approx(float(relativistic(real, fake)), abs=1e-11)
        one = float(relativistic(real[:1], fake[:1]))
    assert one == pytest.approx(2 * np.logaddexp(0, fake[0] - real[0]), abs=1e-12)
    assert not np.isclose(losses.discriminator_loss(real + 1, fake + 1), losses.discriminator_loss(real, fake))


def test_each_player_has_its_own_logits_first():
    """Steps of both players against the gradient of the game as one formula of all logits."""
    gan = gan_with(loss_g=relativistic, loss_d=relativistic)
    state, x, z = played(gan)

    def formula(params_g, params_d, sign):
        fake = gan.generator.apply({"params": params_g}, z, train=True)
        a, b = (gan.discriminator.apply({"params": params_d}, some, train=True) for some in (x, fake))
        first, second = sign * (a - b.mean()), sign * (a.mean() - b)
        return jnp.log1p(jnp.exp(-first)).mean() + jnp.log1p(jnp.exp(-second)).mean()

    slopes = jax.jit(jax.grad(formula, argnums=(0, 1)))
    after_d, after_g = steps(gan, state, x, z)
    for moved, start, slope in (
        (after_d.d.params, state.d.params, slopes(state.g.params, state.d.params, 1)[1]),
        (after_g.g.params, state.g.params, slopes(state.g.params, state.d.params, -1)[0]),
    ):
        jax.tree.map(
            lambda w, old, s: np.testing.assert_allclose(w, old - s, rtol=1e-4, atol=1e-5), moved, start, slope
        )


def test_a_packed_discriminator_judges_packs():
    """One logit for each three of six samples. It depends on these three alone, and on their order."""
    gan = SEATED["packed"]()
    state, x, _ = played(gan)
    judge = jax.jit(lambda x: train.discriminate(gan, state, x))
    a = judge(x)
    assert a.shape == (2,)
    by_hand = jnp.concatenate(
        [gan.discriminator.discriminator.apply({"params": state.d.params["discriminator"]}, row[None], train=False)
         for row in x.reshape(2, 3)]
    )  # fmt: skip
    np.testing.assert_allclose(a, by_hand, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(judge(x[jnp.array([3, 4, 5, 0, 1, 2])]), a[::-1], rtol=1e-5, atol=1e-6)
    changed = judge(x.at[0].add(1.0)) != a
    assert changed.tolist() == [True, False]


def test_the_unrolled_gradient_passes_through_the_step_of_d(float64):
    """In float64 against central differences, whose error is h^2 + 1e-16 / h, near 1e-10."""
    gan = SEATED["unrolled"]()
    state, x, z = jax.tree.map(jnp.float64, played(gan))
    moved = steps(gan, state, x, z)[1]
    w, unravel = jax.flatten_util.ravel_pytree(state.g.params)
    found = w - jax.flatten_util.ravel_pytree(moved.g.params)[0]

    @jax.jit
    def objective(w):
        """G's loss against the D that one step of length 1/2 on the same fakes has made."""
        fake = gan.generator.apply({"params": unravel(w)}, z, train=True)
        logits = lambda params, x: gan.discriminator.apply({"params": params}, x, train=True)  # noqa: E731
        slope = jax.grad(lambda params: -losses.value(logits(params, x), logits(params, fake)))(state.d.params)
        after = jax.tree.map(lambda w, s: w - s / 2, state.d.params, slope)
        return losses.generator_loss_nonsaturating(logits(after, fake))

    h = 1e-5
    wanted = [(objective(w + h * e) - objective(w - h * e)) / (2 * h) for e in np.eye(len(w))]
    np.testing.assert_allclose(found, wanted, atol=1e-8)
    plain = steps(gan_with(), state, x, z)[1]
    short = w - jax.flatten_util.ravel_pytree(plain.g.params)[0]
    assert np.linalg.norm(found - short) > 0.01 * np.linalg.norm(short)


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
    assert ours < 0.8 * cost(partial(train.generator_step, dataclasses.replace(gan, loss_g=relativistic)))
