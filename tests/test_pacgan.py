"""PacGAN's players: sizes as in the paper, and each sample or pack judged by itself."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.modes import methods
from gan_from_scratch import train
from gan_from_scratch.collapse.pacgan import PacDiscriminator, PacGenerator
from gan_from_scratch.distributions import ring


def test_they_are_as_large_as_in_the_paper():
    gan = methods.build("pacgan", ring(), 10)
    state = train.init(gan, jax.random.key(0))

    def count(params):
        return sum(w.size for w in jax.tree.leaves(params))

    # G: affine maps 2 - 400 - 400 - 400 - 400 - 2, of BatchNorm a scale and a shift for each unit in place of a bias.
    assert count(state.g.params) == 2 * 400 + 3 * 400**2 + 4 * 2 * 400 + 400 * 2 + 2
    # D on packs of two: five affine maps for each of 200 units.
    assert count(state.d.params) == 1000 * (4 + 1 + 200 + 1 + 200 + 1) + 200 + 1


def test_it_learns_by_the_paper_s_rule():
    """Adam with rate 1e-4 and momentum .8, at the first step rate * sign of the slope, on 100,000 samples."""
    assert methods.METHODS["pacgan"].fixed == 100_000
    gan = methods.build("pacgan", ring(), 10)
    assert (gan.batch, gan.k) == (100, 1)
    for optimizer in (gan.optimizer_g, gan.optimizer_d):
        slope, params = jnp.array([3.0, -0.2]), jnp.zeros(2)
        first, state = optimizer.update(slope, optimizer.init(params), params)
        np.testing.assert_allclose(first, [-1e-4, 1e-4], rtol=1e-4)
        second, _ = optimizer.update(0 * slope, state, params)
        # m = .8 * .2 g / (1 - .8^2), v = .999 * .001 g^2 / (1 - .999^2)
        expected = 1e-4 * (0.16 / 0.36) / (0.999 * 0.001 / (1 - 0.999**2)) ** 0.5
        np.testing.assert_allclose(second, [-expected, expected], rtol=1e-4)


def test_a_sample_s_logit_is_its_own_and_a_noise_s_image_too():
    x = jax.random.normal(jax.random.key(0), (6, 2))
    for player, shape in ((PacDiscriminator((7, 5), 3), ()), (PacGenerator((6, 4)), (2,))):
        variables = player.init(jax.random.key(1), x, train=True)
        together = player.apply(variables, x, train=False)
        assert together.shape == (6, *shape)
        alone = [player.apply(variables, one[None], train=False)[0] for one in x]
        np.testing.assert_allclose(together, jnp.array(alone), atol=1e-6)


def test_its_generator_is_normalised_by_the_batch_in_training():
    z = 7 * jax.random.normal(jax.random.key(0), (50, 2))
    player = PacGenerator((30,))
    variables = player.init(jax.random.key(1), z, train=True)
    made, after = player.apply(variables, z, train=True, mutable=["batch_stats"])
    moved, _ = player.apply(variables, z + 20, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(made, moved, atol=1e-3)  # a shift of all noises is taken out, but for float32's digits
    assert jnp.abs(after["batch_stats"]["norm_0"]["mean"]).max() > 0
