"""Each remedy against its formula."""

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

from gan_from_scratch import networks, remedies, train
from gan_from_scratch.distributions import Gaussian, Uniform
from gan_from_scratch.images.networks import DCGANDiscriminator, DCGANGenerator

KEY = jax.random.key(7)
SGD = optax.sgd(0.1)


def gan_with(discriminator, generator=networks.Identity(), noise_dim=1, **parts) -> train.GAN:  # noqa: B008
    return train.GAN(generator, discriminator, SGD, SGD, Noise(noise_dim), batch=4, **parts)


@dataclasses.dataclass(frozen=True)
class Noise:
    dim: int

    def __call__(self, key, n):
        return jax.random.normal(key, (n, self.dim))


@partial(jax.jit, static_argnames="gan")
def init(gan):
    return train.init(gan, KEY)


@partial(jax.jit, static_argnames="gan")
def objective_d(gan, x):
    """D's objective on data x at the start."""
    state = init(gan)
    objective = train.discriminator_objective(gan, state, x, gan.sample_noise(KEY, gan.batch), KEY)
    return objective(state.g.params, state.d.params)[0]


# R1


@given(w=st.lists(st.floats(-5, 5), min_size=3, max_size=3).map(lambda w: np.array(w, np.float32)))
def test_r1_of_a_linear_discriminator_is_half_its_squared_slope(w):
    x = jax.random.normal(jax.random.key(0), (7, 3))
    assert float(remedies.r1_penalty(lambda x: x @ w, x)) == pytest.approx(float(w @ w) / 2, rel=1e-5, abs=1e-12)


def test_r1_is_the_mean_over_samples_of_half_the_squared_slope(float64):
    x = jnp.linspace(-2, 2, 9)[:, None]
    exact = jnp.mean(0.5 * (3 * jnp.cos(3 * x[:, 0])) ** 2)
    assert float(remedies.r1_penalty(lambda x: jnp.sin(3 * x[:, 0]), x)) == pytest.approx(float(exact), rel=1e-12)


def test_r1_of_sets_divides_by_the_number_of_sets(float64):
    """Each of 3 sets of 4 has the logit (its sum), whose gradient is four ones: ||.||^2 / 2 = 2."""
    x = jnp.ones((12, 1))
    assert float(remedies.r1_penalty(lambda x: x.reshape(3, 4).sum(axis=1), x)) == 2


def test_r1_of_an_image_network_is_taken_image_by_image():
    gan = gan_with(DCGANDiscriminator(8, 1, 4, batch_norm=False), DCGANGenerator(8, 1, 4), noise_dim=3)
    x = jax.random.normal(KEY, (4, 8, 8, 1))
    state = init(gan)

    @jax.jit
    def half_squared_slope(image):
        slope = jax.grad(lambda image: train.discriminate(gan, state, image[None])[0])(image)
        return jnp.sum(slope**2) / 2

    wanted = np.mean([half_squared_slope(image) for image in x])
    # A fresh network's slope is 1e-4: a heavy weight lets the penalty show beside the loss of 1.39.
    weight = float(1 / wanted)
    heavy = dataclasses.replace(gan, penalties=(remedies.R1(weight),))
    assert float(objective_d(heavy, x) - objective_d(gan, x)) == pytest.approx(1, rel=1e-5)


def mean_logit(seen, key):
    return seen.logits_real.mean()


class Thinned(nn.Module):
    """The sum of what dropout leaves of x."""

    @nn.compact
    def __call__(self, x, train):
        w = self.param("w", nn.initializers.ones, x.shape[1:])
        return (nn.Dropout(0.5, deterministic=not train)(x) * w).sum(axis=1)


def test_r1_sees_the_discriminator_as_its_pass_over_the_data_did():
    """On ones Thinned's logit is 2 for each entry that is left and its slope there 2, so ||slope||^2 = 2 logit; with
    another dropout mask, or none, it would be something else."""
    x = jnp.ones((4, 16))
    plain, of_real, with_r1 = (
        gan_with(Thinned(), noise_dim=16, penalties=penalties) for penalties in ((), (mean_logit,), (remedies.R1(0.5),))
    )
    logit = float(objective_d(of_real, x) - objective_d(plain, x))
    assert logit != 16, "without dropout it would be"
    assert float(objective_d(with_r1, x) - objective_d(plain, x)) == pytest.approx(0.5 * 2 * logit / 2, rel=1e-5)


@pytest.mark.parametrize(
    "players",
    [
        (networks.Discriminator((4, 4), batch_norm=True),),
        (DCGANDiscriminator(16, 1, 4), DCGANGenerator(16, 1, 4)),
    ],
    ids=["line", "images"],
)
def test_r1_is_refused_before_training_where_logits_depend_on_the_batch(players):
    with pytest.raises(ValueError, match=r"^r1 is 0\.5, but with batch statistics in D, .* choose a D without them"):
        jax.eval_shape(partial(train.init, gan_with(*players, penalties=(remedies.R1(0.5),))), KEY)


# NoisyTargets


def added(targets: remedies.NoisyTargets, key, logits_real, logits_fake):
    """What the targets add to D's loss."""
    return targets(train.Seen(None, None, logits_real, logits_fake, None, {}), key)


def targets_of(targets: remedies.NoisyTargets, key, n: int):
    """(t, t'), read off from the slopes (1 - t) / n and -t' / n of what they add."""
    slopes = jax.grad(lambda a: added(targets, key, *a))((jnp.zeros(n), jnp.zeros(n)))
    return 1 - n * slopes[0], -n * slopes[1]


@given(
    seed=st.integers(0, 2**31),
    smoothing=st.floats(0, 0.5),
    noise=st.floats(0, 0.5),
    logits=st.lists(st.floats(-30, 30), min_size=8, max_size=8).map(np.array),
)
def test_what_noisy_targets_add_makes_the_loss_the_cross_entropy_with_them(seed, smoothing, noise, logits):
    key, (real, fake) = jax.random.key(seed), logits.reshape(2, 4)
    noisy = remedies.NoisyTargets(smoothing, noise)
    with jax.enable_x64(True):
        t, t_fake = (np.asarray(t) for t in targets_of(noisy, key, 4))
        found = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean() + float(added(noisy, key, real, fake))

    def cross_entropy(a, t):
        return np.mean(t * np.logaddexp(0, -a) + (1 - t) * np.logaddexp(0, a))

    assert found == pytest.approx(cross_entropy(real, t) + cross_entropy(fake, t_fake), rel=1e-12, abs=1e-12)
    edge = 1e-12  # of rounding
    assert np.all((t >= 1 - smoothing - noise - edge) & (t <= 1 - smoothing + edge))
    assert np.all((t_fake >= -edge) & (t_fake <= noise + edge)), "smoothing is one-sided"


def test_label_noise_is_uniform_and_drawn_for_each_sample():
    t, t_fake = targets_of(remedies.NoisyTargets(0.1, 0.4), KEY, 10_000)
    # Uniform on a width of .4: the mean is off by .0012, the correlation by .01; here within five of each.
    assert float(t.mean()) == pytest.approx(0.7, abs=0.006) and float(t_fake.mean()) == pytest.approx(0.2, abs=0.006)
    assert float(t.std()) == pytest.approx(0.4 / 12**0.5, abs=0.006)
    assert abs(float(jnp.corrcoef(t, t_fake)[0, 1])) < 0.05


def test_noisy_targets_leave_what_is_measured_alone():
    """Real and fake batches are equal, so smoothing by s adds s E[a] and the measured loss is the plain one."""
    plain = train.GAN(networks.Identity(), networks.Discriminator((4,)), SGD, SGD, Uniform().sample, batch=4)
    noisy = dataclasses.replace(plain, penalties=(remedies.NoisyTargets(smoothing=0.25),))
    state, x = init(plain), Gaussian(1.0, 1.0).sample(KEY, 4)
    measured = {}
    for gan in (plain, noisy):
        value, (_, measured[gan]) = train.discriminator_objective(gan, state, x, x, KEY)({}, state.d.params)
    assert measured[plain] == measured[noisy]
    wanted = measured[plain]["loss_d"] + 0.25 * jnp.mean(train.discriminate(plain, state, x))
    assert float(value) == pytest.approx(float(wanted), rel=1e-5)


def test_targets_that_could_leave_0_and_1_are_refused():
    with pytest.raises(ValueError, match=r"smoothing is 0.7 and label_noise 0.5, but their sum must be at most 1"):
        remedies.NoisyTargets(0.7, 0.5)


# Averages


@given(memory=st.floats(0, 0.999), seed=st.integers(0, 1000))
def test_average_is_its_recursion_and_leaves_the_updates_alone(memory, seed):
    rng = np.random.default_rng(seed)
    params = average = jnp.asarray(rng.normal(size=3), jnp.float32)
    transformation = remedies.average_parameters(memory)
    state = transformation.init(params)
    for t in range(15):
        updates = jnp.asarray(rng.normal(size=3), jnp.float32)
        out, state = transformation.update(updates, state, params)
        np.testing.assert_array_equal(out, updates)
        params = params + updates
        m = min(memory, (1 + t) / (10 + t))
        average = m * average + (1 - m) * params
    player = train.Player(params, {}, (optax.EmptyState(), state))
    np.testing.assert_allclose(remedies.averaged(player).params, average, rtol=2e-5, atol=1e-5)


def test_the_average_of_bfloat16_parameters_is_float32_in_a_loop_and_read_in_their_own_type():
    """Against the recursion in float64. Rounded to bfloat16's 8 bits at each step it would be off by 1e-2."""
    transformation = remedies.average_parameters(0.9)
    start = {"w": jnp.full(2, 100, jnp.bfloat16)}

    def step(carry, _):
        params, state = carry
        updates, state = transformation.update({"w": jnp.ones(2, jnp.bfloat16)}, state, params)
        return (optax.apply_updates(params, updates), state), None

    (params, state), _ = jax.lax.scan(step, (start, transformation.init(start)), length=100)
    wanted = 100.0
    for t in range(100):
        m = min(0.9, (1 + t) / (10 + t))
        wanted = m * wanted + (1 - m) * (101 + t)
    assert state.average["w"].dtype == jnp.float32
    np.testing.assert_allclose(state.average["w"], wanted, rtol=1e-5)
    read = remedies.averaged(train.Player(params, {}, state)).params["w"]
    assert read.dtype == jnp.bfloat16
    np.testing.assert_array_equal(read, state.average["w"].astype(jnp.bfloat16))


def test_layers_may_have_any_name():
    """`average` and `count` are the names of an AverageState's own parts."""
    params = {"average": jnp.ones(2), "count": jnp.zeros(1)}
    optimizer = optax.chain(optax.adam(0.1), remedies.average_parameters(0.9))
    player = train.descend(optimizer, train.Player(params, {}, optimizer.init(params)), params, {})
    # After the first step m = 1 / 10; Adam's first step is .1 wherever there is a slope.
    found = remedies.averaged(player)
    np.testing.assert_allclose(found.params["average"], 0.1 * 1 + 0.9 * 0.9, rtol=1e-5)
    np.testing.assert_array_equal(found.params["count"], [0])


def test_without_an_average_a_player_is_read_as_it_is():
    params = {"w": jnp.ones(2)}
    player = train.Player(params, {}, optax.adam(0.1).init(params))
    assert remedies.averaged(player) is player


# Skipping


@partial(jax.jit, static_argnames="gan")
def step(gan, state):
    return train.train_step(gan, state, Uniform().sample, KEY)


@pytest.mark.parametrize("bound", [0.01, 100.0])
def test_d_skips_its_step_while_its_loss_is_under_the_bound(bound):
    """Statistics and optimizer too, to the last bit; else the step is the plain one, and G's comes in any case."""
    plain = train.GAN(
        networks.Generator((4,)), networks.Discriminator((4, 4), batch_norm=True), optax.adam(0.1), optax.adam(0.1),
        Uniform().sample, batch=6,
    )  # fmt: skip
    skipping = dataclasses.replace(plain, step_d=remedies.Skipping(bound))
    start = init(plain)
    (after, measured), (wanted, _) = (step(gan, start) for gan in (skipping, plain))
    skipped = float(measured["loss_d"]) < bound
    assert skipped == (bound == 100.0)
    for old, found, moved in zip(*map(jax.tree.leaves, (start.d, after.d, wanted.d)), strict=True):
        if skipped:
            np.testing.assert_array_equal(found, old)
        else:
            np.testing.assert_allclose(found, moved, rtol=1e-5, atol=1e-6)  # of two compiled programs
        assert np.any(old != moved)
    assert all(np.any(old != new) for old, new in zip(*map(jax.tree.leaves, (start.g, after.g)), strict=True))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: remedies.R1(0), "gamma is 0"),
        (lambda: remedies.R1(float("inf")), "gamma is inf"),
        (lambda: remedies.NoisyTargets(smoothing=1.0), "smoothing is 1.0"),
        (lambda: remedies.NoisyTargets(label_noise=-0.1), "label_noise is -0.1"),
        (lambda: remedies.Skipping(-1.0), "loss is -1.0"),
        (lambda: remedies.average_parameters(-0.1), "memory is -0.1"),
        (lambda: remedies.average_parameters(1.0), "memory is 1.0"),
    ],
)
def test_bad_settings_are_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()
