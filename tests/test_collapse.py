"""Remedies for mode collapse, each against its formula written out or a closed form."""

import dataclasses
import math
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
from gan_from_scratch.collapse.fourier import FourierFeatures
from gan_from_scratch.collapse.minibatch import BatchDiscriminator, MinibatchDiscrimination, MinibatchStd
from gan_from_scratch.collapse.packing import Packed
from gan_from_scratch.distributions import Gaussian, Uniform
from gan_from_scratch.images.networks import DCGANDiscriminator

KEY = jax.random.key(5)


class LogRatio(nn.Module):
    """The best D for packs of draws from U[0, 1] and from a density of .6 and 1.4 on its halves."""

    @nn.compact
    def __call__(self, x, train):
        return -jnp.sum(jnp.log(jnp.where(x < 0.5, 0.6, 1.4)), axis=1)


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_packs_show_d_the_product_distributions(m):
    """V is -log 4 + 2 JSD of the m-fold products (Lin et al. 2018, section 4), here .042, .082, .121, .158 above."""
    n = 120_000
    key_x, key_side, key_fake = jax.random.split(KEY, 3)
    x = jax.random.uniform(key_x, (n, 1))
    fake = (jax.random.uniform(key_fake, (n, 1)) + jax.random.bernoulli(key_side, 0.7, (n, 1))) / 2
    judge = partial(Packed(LogRatio(), m).apply, {}, train=False)
    logits = judge(x), judge(fake)
    assert logits[0].shape == (n // m,)
    count = np.arange(m + 1)  # of draws in the first half
    ways = np.array([math.comb(m, k) for k in count])
    p, q = ways * 0.5**m, ways * 0.3**count * 0.7 ** (m - count)
    jsd_twice = np.sum(p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q)))
    # Each mean has a standard error of at most .7 / sqrt(n / m).
    assert losses.value(*logits) == pytest.approx(-math.log(4) + jsd_twice, abs=4 * 0.7 / math.sqrt(n / m))
    assert jsd_twice == pytest.approx([0.042, 0.082, 0.121, 0.158][m - 1], abs=6e-4)


@pytest.mark.parametrize("shape", [(6, 2), (6, 4, 4, 3)])
def test_a_pack_lies_side_by_side_in_the_last_axis(shape):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    packs = np.stack([np.concatenate([*x[:3]], axis=-1), np.concatenate([*x[3:]], axis=-1)])
    weights = rng.normal(size=packs.shape[1:]).astype(np.float32)  # so that each number's place counts

    class Weighted(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return jnp.sum(x * weights, axis=tuple(range(1, x.ndim)))

    found = Packed(Weighted(), 3).apply({}, x, train=True)
    np.testing.assert_allclose(found, (packs * weights).reshape(2, -1).sum(axis=1), rtol=1e-4)


def test_images_can_be_packed():
    d = Packed(DCGANDiscriminator(8, 1, 4), 2)
    x = jax.random.normal(KEY, (6, 8, 8, 1))
    variables = jax.jit(partial(d.init, train=True))({"params": KEY}, x)
    assert d.apply(variables, x, train=False).shape == (3,)


def test_a_packed_discriminator_judges_packs():
    """One logit for each three of six samples, which depends on these three alone, and on their order."""
    d = Packed(networks.Discriminator((5,)), 3)
    x = jax.random.normal(KEY, (6, 2))
    variables = d.init(KEY, x, train=False)
    judge = jax.jit(lambda x: d.apply(variables, x, train=False))
    a = judge(x)
    np.testing.assert_allclose(judge(x[jnp.array([3, 4, 5, 0, 1, 2])]), a[::-1], rtol=1e-5, atol=1e-6)
    changed = judge(x.at[0].add(1.0)) != a
    assert changed.tolist() == [True, False]
    assert (judge(x[jnp.array([1, 0, 2, 3, 4, 5])]) != a).tolist() == [True, False]


@pytest.mark.parametrize("samples", [0, -1, True])
def test_packs_of_no_number_are_refused(samples):
    with pytest.raises(ValueError, match=r"samples is .* at least 1"):
        Packed(networks.Discriminator((5,)), samples).init(KEY, jnp.zeros((6, 1)), train=True)


def test_packs_must_divide_the_batch():
    with pytest.raises(ValueError, match="the batch is 7, but must be a multiple of 3"):
        Packed(networks.Discriminator((5,)), 3).init(KEY, jnp.zeros((7, 1)), train=True)


@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 3))
def test_minibatch_discrimination_is_a_double_loop(seed, scale):
    f = (scale * np.random.default_rng(seed).normal(size=(5, 4))).astype(np.float32)
    layer = MinibatchDiscrimination(kernels=3, dim=2)
    variables = layer.init(jax.random.key(seed), f)
    m = (f.astype(np.float64) @ np.asarray(variables["params"]["T"]["kernel"], np.float64)).reshape(5, 3, 2)
    o = np.zeros((5, 3))
    for i in range(5):
        for j in range(5):
            for b in range(3):
                o[i, b] += math.exp(-np.abs(m[i, b] - m[j, b]).sum())
    np.testing.assert_allclose(layer.apply(variables, f), o, rtol=1e-4)


def test_in_a_batch_of_one_point_all_are_as_close_as_can_be():
    f = np.ones((6, 4), np.float32)
    layer = MinibatchDiscrimination(3, 2)
    np.testing.assert_allclose(layer.apply(layer.init(KEY, f), f), 6.0)


@given(seed=st.integers(0, 1000))
def test_minibatch_std_is_numpys(seed):
    f = np.random.default_rng(seed).normal(size=(8, 5)).astype(np.float32)
    found = MinibatchStd(group=4).apply({}, f)
    for group in (0, 4):
        expected = f[group : group + 4].std(axis=0).mean()
        np.testing.assert_allclose(found[group : group + 4], np.full((4, 1), expected), rtol=1e-5)


def test_minibatch_std_of_equal_samples_has_a_slope():
    slope = jax.grad(lambda f: MinibatchStd(2).apply({}, f).sum())(jnp.ones((4, 3)))
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (MinibatchStd(3), "the batch is 8, but must be a multiple of 3"),
        (MinibatchStd(0), "group is 0"),
        (MinibatchDiscrimination(0, 2), "kernels is 0"),
        (MinibatchDiscrimination(2, -1), "dim is -1"),
    ],
)
def test_layers_across_a_batch_refuse(layer, message):
    with pytest.raises(ValueError, match=message):
        BatchDiscriminator((5,), layer).init(KEY, jnp.zeros((8, 2)), train=True)


@pytest.mark.parametrize("across", [MinibatchStd(4), MinibatchDiscrimination(3, 2)])
def test_a_logit_depends_on_the_batch(across):
    d = BatchDiscriminator((6, 5), across)
    x = jax.random.normal(KEY, (8, 2))
    variables = d.init(KEY, x, train=True)
    a = d.apply(variables, x, train=True)
    assert a.shape == (8,)
    assert d.apply(variables, x.at[0].add(3.0), train=True)[1] != a[1]


@pytest.mark.parametrize(("penalty", "name"), [(remedies.R1(0.1), "r1"), (remedies.R2(0.1), "r2")])
def test_penalties_on_each_samples_slope_refuse_a_d_that_looks_across(penalty, name):
    d = BatchDiscriminator((5,), MinibatchStd(2))
    gan = small_gan(discriminator=d, penalties=(penalty,))
    with pytest.raises(ValueError, match=f"{name} is 0.1, but with batch statistics"):
        train.init(gan, KEY)


SGD = optax.sgd(0.5)
DATA, NOISE = Gaussian(4.0, 1.25), Uniform(-1.0, 1.0)


def small_gan(**parts) -> train.GAN:
    players = {"generator": networks.Generator((3,)), "discriminator": networks.Discriminator((3,))}
    optimizers = {"optimizer_g": SGD, "optimizer_d": SGD}
    return train.GAN(**players | optimizers | parts, sample_noise=NOISE.sample, batch=6)


@given(octaves=st.integers(1, 5), scale=st.floats(0.1, 10))
def test_fourier_features_are_what_d_sees(octaves, scale):
    """x / scale, then sines and cosines octave by octave, each of both coordinates: an inner D weighs them."""
    rng = np.random.default_rng(octaves)
    x, weights = rng.normal(size=(5, 2)), rng.normal(size=2 + 4 * octaves)

    class Weighted(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return x @ jnp.asarray(weights, x.dtype)

    waves = [np.pi * 2**i * x / scale for i in range(octaves)]
    seen = np.concatenate([x / scale, *map(np.sin, waves), *map(np.cos, waves)], axis=1)
    with jax.enable_x64(True):
        found = FourierFeatures(Weighted(), octaves, scale).apply({}, jnp.float64(x), train=True)
    np.testing.assert_allclose(found, seen @ weights, atol=1e-9)


@pytest.mark.parametrize(("settings", "message"), [((0, 1.0), "octaves is 0"), ((2, 0.0), "scale is 0")])
def test_waves_of_no_number_or_length_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FourierFeatures(networks.Discriminator((3,)), *settings).init(KEY, jnp.zeros((4, 2)), train=True)


# The relativistic loss

logits = st.lists(st.floats(-20, 20), min_size=3, max_size=3).map(np.array)


@given(own=logits, other=logits, c=st.floats(-100, 100))
def test_the_relativistic_loss_sees_differences_alone(own, other, c):
    with jax.enable_x64(True):
        loss = float(remedies.relativistic(own, other))
        assert float(remedies.relativistic(own + c, other + c)) == pytest.approx(loss, abs=1e-11)
    assert loss == pytest.approx(np.logaddexp(0, other - own).mean(), abs=1e-12)


def test_the_relativistic_loss_at_equal_logits_and_of_unequal_numbers(without_shape_checks):
    assert remedies.relativistic(np.ones(4), np.ones(4)) == pytest.approx(math.log(2))
    with pytest.raises(ValueError, match=r"own has shape \(4,\), other has shape \(3,\)"):
        remedies.relativistic(np.ones(4), np.ones(3))


def test_each_player_has_its_own_logits_first():
    """Steps of both players against the gradients of the game as one formula."""
    gan = small_gan(loss_g=remedies.relativistic, loss_d=remedies.relativistic)
    state, x, z = train.init(gan, KEY), DATA.sample(KEY, 6), NOISE.sample(KEY, 6)

    def formula(params_g, params_d, sign):
        fake = gan.generator.apply({"params": params_g}, z, train=True)
        a, b = (gan.discriminator.apply({"params": params_d}, some, train=True) for some in (x, fake))
        return jnp.log1p(jnp.exp(sign * (b - a))).mean()

    slopes = jax.jit(jax.grad(formula, argnums=(0, 1)))
    after_d, after_g = (jax.jit(partial(step, gan))(state, x, z, KEY)[0]
                        for step in (train.discriminator_step, train.generator_step))  # fmt: skip
    for moved, start, slope in (
        (after_d.d.params, state.d.params, slopes(state.g.params, state.d.params, 1)[1]),
        (after_g.g.params, state.g.params, slopes(state.g.params, state.d.params, -1)[0]),
    ):
        jax.tree.map(
            lambda w, old, s: np.testing.assert_allclose(w, old - 0.5 * s, rtol=1e-4, atol=1e-5), moved, start, slope
        )


def test_r2_by_hand():
    """The logit tanh(b x) has the slope b (1 - tanh^2), so R2 is gamma b^2 / 2 times the mean of (1 - tanh^2)^2."""

    class Bent(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return jnp.tanh(self.param("b", nn.initializers.constant(1.5), ()) * x[:, 0])

    plain = small_gan(discriminator=Bent(), optimizer_d=optax.sgd(1.0))
    penalised = dataclasses.replace(plain, penalties=(remedies.R2(0.3),))
    state, x, z = train.init(plain, KEY), DATA.sample(KEY, 6), NOISE.sample(KEY, 6)
    before, after = (train.discriminator_step(gan, state, x, z, KEY)[0].d.params["b"] for gan in (plain, penalised))
    b, fake = 1.5, np.asarray(train.generate(plain, state, z), np.float64)
    t = np.tanh(b * fake)
    slope = 0.3 * np.mean(b * (1 - t**2) ** 2 - 2 * b**2 * (1 - t**2) ** 2 * t * fake)  # of the penalty, in b
    assert float(before - after) == pytest.approx(slope, rel=1e-3, abs=1e-6)
