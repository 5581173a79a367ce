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
