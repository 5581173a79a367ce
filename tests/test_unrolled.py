"""A G that looks ahead of D: its gradient against central differences and a closed form."""

import math
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_from_scratch import dynamics, losses, networks, remedies, train
from gan_from_scratch.collapse.unrolled import Unrolled
from gan_from_scratch.distributions import Gaussian, Uniform

KEY = jax.random.key(5)
SGD = optax.sgd(0.5)
DATA, NOISE = Gaussian(4.0, 1.25), Uniform(-1.0, 1.0)


def small_gan(**parts) -> train.GAN:
    players = {"generator": networks.Generator((3,)), "discriminator": networks.Discriminator((3,))}
    optimizers = {"optimizer_g": SGD, "optimizer_d": SGD}
    return train.GAN(**players | optimizers | parts, sample_noise=NOISE.sample, batch=6)


@pytest.mark.parametrize("make", [lambda: SGD, lambda: optax.adam(0.1, b1=0.5, eps_root=1e-8)], ids=["sgd", "adam"])
def test_the_unrolled_gradient_passes_through_all_steps_of_d(make, float64):
    """Three steps, in float64, against central differences, whose error is h^2 + 1e-16 / h, near 1e-10."""
    gan = small_gan(optimizer_d=make(), step_g=Unrolled(3), penalties=(remedies.R1(0.2),))
    state = jax.tree.map(lambda w: jnp.asarray(w, jnp.result_type(w, jnp.float64)) if w.ndim else w,
                         train.init(gan, KEY))  # fmt: skip
    x, z = (jnp.float64(p.sample(KEY, 6)) for p in (DATA, NOISE))
    moved, _ = gan.step_g(gan, state, x, z, KEY)
    w, unravel = jax.flatten_util.ravel_pytree(state.g.params)
    found = (w - jax.flatten_util.ravel_pytree(moved.g.params)[0]) / 0.5
    judge = lambda params, x: gan.discriminator.apply({"params": params}, x, train=True)  # noqa: E731

    @jax.jit
    def objective(w):
        """The three steps written one after the other."""
        fake = gan.generator.apply({"params": unravel(w)}, z, train=True)

        def loss_d(params):
            slopes = jax.vmap(jax.grad(lambda x: judge(params, x[None])[0]))(x)
            return -losses.value(judge(params, x), judge(params, fake)) + 0.1 * jnp.mean(jnp.sum(slopes**2, axis=1))

        params, opt_state = state.d.params, state.d.opt_state
        for _ in range(3):
            updates, opt_state = gan.optimizer_d.update(jax.grad(loss_d)(params), opt_state, params)
            params = optax.apply_updates(params, updates)
        return losses.generator_loss_nonsaturating(judge(params, fake))

    h = 1e-5
    wanted = [(objective(w + h * e) - objective(w - h * e)) / (2 * h) for e in np.eye(len(w))]
    np.testing.assert_allclose(found, wanted, atol=1e-7)


class Point(nn.Module):
    """G's only sample."""

    @nn.compact
    def __call__(self, z, train):
        return jnp.broadcast_to(self.param("theta", nn.initializers.constant(0.7), ()), z.shape)


class Slope(nn.Module):
    """D's logit psi x."""

    @nn.compact
    def __call__(self, x, train):
        return self.param("psi", nn.initializers.constant(-0.4), ()) * x[:, 0]


@pytest.mark.parametrize("u", [0, 1, 2, 5])
def test_unrolled_on_the_dirac_gan(u, float64):
    """dL_G / dtheta by hand, and as dynamics.unrolled has it.

    With s = sigmoid(psi theta) D's slope is theta s. So psi_{i+1} = psi_i - h theta s_i, and its slope in theta goes on
    as psi'_{i+1} = psi'_i - h (s_i + theta s_i (1 - s_i) (psi_i + theta psi'_i)). L_G = softplus(-psi_u theta) has the
    slope -(1 - s_u) (psi_u + theta psi'_u).
    """
    h, theta, psi, turned = 0.5, 0.7, -0.4, 0.0
    sigmoid = lambda a: 1 / (1 + math.exp(-a))  # noqa: E731
    for _ in range(u):
        s = sigmoid(psi * theta)
        psi, turned = psi - h * theta * s, turned - h * (s + theta * s * (1 - s) * (psi + theta * turned))
    slope = -(1 - sigmoid(psi * theta)) * (psi + theta * turned)

    gan = small_gan(generator=Point(), discriminator=Slope(), step_g=Unrolled(u))
    state = jax.tree.map(lambda w: jnp.asarray(w, jnp.float64), train.init(gan, KEY))
    moved, _ = gan.step_g(gan, state, jnp.zeros((6, 1)), jnp.zeros((6, 1)), KEY)
    assert (0.7 - float(moved.g.params["theta"])) / 0.5 == pytest.approx(slope, abs=1e-7)
    game = dynamics.unrolled(dynamics.dirac_gan(), u, h)
    assert float(jax.grad(game.loss_g)(0.7, -0.4)) == pytest.approx(slope, abs=1e-12)


def test_no_step_ahead_is_the_usual_step():
    gan = small_gan()
    state, x, z = train.init(gan, KEY), DATA.sample(KEY, 6), NOISE.sample(KEY, 6)
    (ahead, _), (usual, _) = (jax.jit(partial(step, gan))(state, x, z, KEY)
                              for step in (Unrolled(0), train.generator_step))  # fmt: skip
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), ahead.g.params, usual.g.params)
    assert not np.allclose(
        jax.jit(partial(Unrolled(2), gan))(state, x, z, KEY)[0].g.params["layer_0"]["kernel"],
        usual.g.params["layer_0"]["kernel"], rtol=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("steps", [-1, True])
def test_steps_that_are_none_are_refused(steps):
    with pytest.raises(ValueError, match="steps is"):
        Unrolled(steps)
