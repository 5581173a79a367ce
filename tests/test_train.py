"""Algorithm 1: who moves and who does not, in which order, on which draws, under every driver."""

import dataclasses
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_from_scratch import losses, networks, remedies, train
from gan_from_scratch.distributions import Gaussian, Uniform

DATA, NOISE = Gaussian(4.0, 1.25), Uniform(-1.0, 1.0)


class Restless(nn.Module):
    """A player with everything that can move: parameters, BatchNorm statistics, dropout."""

    logit: bool

    @nn.compact
    def __call__(self, x, train):
        h = nn.Dense(6)(x)
        h = nn.BatchNorm(use_running_average=not train, momentum=0.9)(h)
        h = nn.Dropout(0.3, deterministic=not train)(nn.tanh(h))
        h = nn.Dense(1)(h)
        return h[:, 0] if self.logit else h


RESTLESS = train.GAN(Restless(False), Restless(True), optax.adam(1e-2), optax.adam(1e-2), NOISE.sample, batch=12)
PLAIN = train.GAN(
    networks.Generator((6,)),
    networks.Discriminator((6,)),
    optax.chain(optax.adam(1e-2, 0.5), remedies.average_parameters(0.9)),
    optax.adam(1e-2, 0.5),
    NOISE.sample,
    batch=12,
    k=2,
    penalties=(remedies.R1(0.1),),
)
KEY = jax.random.key(7)


def same(first, second) -> list[bool]:
    """For each leaf: equal to the last bit?"""
    return [
        np.asarray(a).tobytes() == np.asarray(b).tobytes()
        for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    ]


def batches(gan, seed=1):
    key_x, key_z = jax.random.split(jax.random.key(seed))
    return DATA.sample(key_x, gan.batch), NOISE.sample(key_z, gan.batch)


@pytest.mark.parametrize("gan", [RESTLESS, PLAIN], ids=["restless", "plain"])
def test_frozen_generator_stays_as_it_is_to_the_last_bit(gan):
    state = train.init(gan, KEY)
    moved, _ = train.discriminator_step(gan, state, *batches(gan), KEY)
    assert all(same(state.g, moved.g)) and all(same(state.step, moved.step))
    assert not any(same(state.d.params, moved.d.params)), "D is not frozen"
    assert not any(same(state.d.stats, moved.d.stats))


@pytest.mark.parametrize("gan", [RESTLESS, PLAIN], ids=["restless", "plain"])
@pytest.mark.parametrize("loss", losses.GENERATOR_LOSSES.values(), ids=losses.GENERATOR_LOSSES)
def test_frozen_discriminator_stays_as_it_is_to_the_last_bit(gan, loss):
    gan = dataclasses.replace(gan, loss_g=loss)
    state = train.init(gan, KEY)
    moved, _ = train.generator_step(gan, state, *batches(gan), KEY)
    assert all(same(state.d, moved.d)) and all(same(state.step, moved.step))
    assert not all(same(state.g.params, moved.g.params)), "G is not frozen"
    assert not any(same(state.g.stats, moved.g.stats))


def test_real_and_fake_batches_pass_the_discriminator_one_after_the_other():
    """BatchNorm's mean after D's step is that of two passes: .9 (.9 m + .1 mean(real)) + .1 mean(fake)."""
    state = train.init(RESTLESS, KEY)
    x, z = batches(RESTLESS)
    moved, _ = train.discriminator_step(RESTLESS, state, x, z, KEY)
    key_g = jax.random.split(KEY, 4)[0]  # dropout in G decides the fakes
    fake, _ = RESTLESS.generator.apply(
        {"params": state.g.params, **state.g.stats}, z, train=True, rngs={"dropout": key_g}, mutable=["batch_stats"]
    )
    first = state.d.params["Dense_0"]
    hidden = [np.mean(batch @ first["kernel"] + first["bias"], axis=0) for batch in (x, fake)]
    expected = 0.9 * (0.1 * hidden[0]) + 0.1 * hidden[1]
    np.testing.assert_allclose(moved.d.stats["batch_stats"]["BatchNorm_0"]["mean"], expected, rtol=1e-4, atol=1e-5)


def test_train_step_is_k_steps_of_d_and_then_one_of_the_generator():
    """Composed by hand with the same keys; each step of D has its own data and noise."""
    state = train.init(PLAIN, KEY)
    at_once, measured = train.train_step(PLAIN, state, DATA.sample, KEY)
    key_d, key_g = jax.random.split(jax.random.fold_in(KEY, 0))
    by_hand, seen = state, []
    for key in jax.random.split(key_d, PLAIN.k):
        key_x, key_z, key_step = jax.random.split(key, 3)
        x, z = DATA.sample(key_x, PLAIN.batch), NOISE.sample(key_z, PLAIN.batch)
        seen += [x.tobytes(), z.tobytes()]
        by_hand, of_d = train.discriminator_step(PLAIN, by_hand, x, z, key_step)
    key_z, key_step, key_x = jax.random.split(jax.random.split(key_g, 1)[0], 3)
    x, z = DATA.sample(key_x, PLAIN.batch), NOISE.sample(key_z, PLAIN.batch)
    by_hand, of_g = train.generator_step(PLAIN, by_hand, x, z, key_step)
    assert len({*seen, x.tobytes(), z.tobytes()}) == 2 * PLAIN.k + 2, "a draw came twice"
    assert at_once.step == 1
    # Compiled code may fuse and so round differently: a few float32 steps.
    for a, b in zip(jax.tree.leaves((at_once.g, at_once.d)), jax.tree.leaves((by_hand.g, by_hand.d)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert measured.keys() == {"loss_d", "loss_g", "d_real", "d_fake"}
    assert float(measured["loss_d"]) == pytest.approx(float(of_d["loss_d"]), rel=1e-5)
    assert float(measured["loss_g"]) == pytest.approx(float(of_g["loss_g"]), rel=1e-5)


def test_the_defaults_are_the_papers_algorithm():
    """One step with nothing but the players: D climbs V once, then G climbs E log D(G(z)) against the new D."""
    x, noise = DATA.sample(KEY, 6), NOISE.sample(KEY, 6)
    rate_g, rate_d = 0.3, 0.2
    gan = train.GAN(
        PLAIN.generator, PLAIN.discriminator, optax.sgd(rate_g), optax.sgd(rate_d), lambda key, n: noise, batch=6
    )
    start = train.init(gan, KEY)
    after, _ = train.train(gan, start, lambda key, n: x, KEY, 1)

    def d(params, x):
        return 1 / (1 + jnp.exp(-gan.discriminator.apply({"params": params}, x, train=True)))

    def fakes(params):
        return gan.generator.apply({"params": params}, noise, train=True)

    def v(of_g, of_d):
        return jnp.mean(jnp.log(d(of_d, x))) + jnp.mean(jnp.log(1 - d(of_d, fakes(of_g))))

    climbed_d = jax.tree.map(
        lambda w, s: w + rate_d * s, start.d.params, jax.grad(v, 1)(start.g.params, start.d.params)
    )
    slope = jax.grad(lambda of_g: jnp.mean(jnp.log(d(climbed_d, fakes(of_g)))))(start.g.params)
    climbed_g = jax.tree.map(lambda w, s: w + rate_g * s, start.g.params, slope)
    # The formula as it stands rounds more than losses.py does.
    close = partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-5)
    jax.tree.map(close, (after.g.params, after.d.params), (climbed_g, climbed_d))
    assert not any(same(start.g.params, after.g.params))


def test_drivers_agree():
    """A compiled loop, a Python loop and vmap over seeds. They differ in fusion, so in the last digits of float32,
    and twenty steps of Adam let that grow a little."""
    keys = jax.random.split(KEY, 3)
    states = [train.init(PLAIN, key) for key in keys]
    scanned = [train.train(PLAIN, state, DATA.sample, key, 20)[0] for state, key in zip(states, keys, strict=True)]
    looped = states[0]
    step = jax.jit(lambda state: train.train_step(PLAIN, state, DATA.sample, keys[0])[0])
    for _ in range(20):
        looped = step(looped)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    mapped, measured = jax.vmap(lambda state, key: train.train(PLAIN, state, DATA.sample, key, 20))(stacked, keys)
    assert measured["loss_d"].shape == (3, 20)

    def close(a, b):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)

    jax.tree.map(close, scanned[0], looped)
    for i, state in enumerate(scanned):
        jax.tree.map(close, state, jax.tree.map(lambda leaf, i=i: leaf[i], mapped))


def test_two_chunks_are_one_run_bit_for_bit():
    start = train.init(PLAIN, KEY)
    whole, measured = train.train(PLAIN, start, DATA.sample, KEY, 16)
    half, first = train.train(PLAIN, start, DATA.sample, KEY, 8)
    again, second = train.train(PLAIN, half, DATA.sample, KEY, 8)
    assert all(same(whole, again))
    joined = np.concatenate([first["loss_g"], second["loss_g"]])
    np.testing.assert_array_equal(joined, measured["loss_g"])


@pytest.mark.parametrize("gan", [RESTLESS, PLAIN], ids=["restless", "plain"])
def test_no_key_is_used_twice(gan):
    with jax.debug_key_reuse(True):
        state = jax.jit(lambda key: train.init(gan, key))(jax.random.key(0))
        jax.jit(lambda state, key: train.train_step(gan, state, DATA.sample, key))(state, jax.random.key(1))


def test_the_check_for_reused_keys_can_fail():
    def twice(key):
        return NOISE.sample(key, 2) + NOISE.sample(key, 2)

    with jax.debug_key_reuse(True), pytest.raises(jax.errors.KeyReuseError):
        jax.jit(twice)(jax.random.key(0))


class Masks(nn.Module):
    """Says of each sample which of 20 units dropout left on, as a number whose bits they are."""

    logit: bool

    @nn.compact
    def __call__(self, x, train):
        on = nn.Dropout(0.5, deterministic=not train)(jnp.ones((x.shape[0], 20))) > 0
        bits = on @ 2.0 ** jnp.arange(20)
        return bits if self.logit else bits[:, None]


def test_no_two_passes_share_a_dropout_mask_except_where_a_penalty_asks_for_the_same_view():
    """G's in D's step, D's over data and fakes in both steps; a penalty's `judge` judges as the pass over the data."""
    noted = []

    def penalty(seen, key):
        np.testing.assert_array_equal(seen.logits_of(seen.x), seen.logits_real)
        noted.extend([seen.fake[:, 0], seen.logits_real, seen.logits_fake])
        return 0.0

    def loss_g(logits_fake, logits_real):
        noted.extend([logits_fake, logits_real])
        return 0.0

    gan = dataclasses.replace(RESTLESS, generator=Masks(False), discriminator=Masks(True), penalties=(penalty,))
    state = train.GANState(*[train.Player({}, {}, ())] * 2, 0)
    for make in (train.discriminator_objective, train.generator_objective):
        make(dataclasses.replace(gan, loss_g=loss_g), state, *batches(gan), jax.random.fold_in(KEY, len(noted)))({}, {})
    masks = np.concatenate(noted)
    # 60 of 2^20 numbers: two would be equal by chance in one of 600 runs.
    assert masks.size == 5 * gan.batch == len(set(masks.tolist()))


def test_steps_of_one_run_differ_in_their_draws():
    state = train.init(PLAIN, KEY)
    _, measured = train.train(PLAIN, state, DATA.sample, KEY, 5)
    assert len(set(np.asarray(measured["d_real"]).tolist())) == 5


def test_sampling_reads_the_state_and_depends_on_no_batch_mate():
    """Of the newest parameters or, where the state is handed over with them, of their average."""
    state, _ = train.train(PLAIN, train.init(PLAIN, KEY), DATA.sample, KEY, 10)
    z = jnp.linspace(-1, 1, 5)[:, None]
    for g in (state.g, remedies.averaged(state.g)):
        made = train.generate(PLAIN, state._replace(g=g), z)
        np.testing.assert_array_equal(made, PLAIN.generator.apply({"params": g.params}, z, train=False))
    assert not any(same(state.g.params, g.params))
    restless, _ = train.train(RESTLESS, train.init(RESTLESS, KEY), DATA.sample, KEY, 10)
    together = train.generate(RESTLESS, restless, z)
    alone = jnp.concatenate([train.generate(RESTLESS, restless, row[None]) for row in z])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)  # dropout or batch statistics would be far off


def test_in_float64_statistics_keep_their_type(float64):
    """Data and noise are float64 then, parameters and statistics float32: a loop needs them to stay so."""
    state = train.init(RESTLESS, KEY)
    assert DATA.sample(KEY, 2).dtype == jnp.float64 and state.d.stats["batch_stats"]
    after, _ = train.train(RESTLESS, state, DATA.sample, KEY, 3)
    types = [jax.tree.map(lambda leaf: leaf.dtype, some) for some in (after, state)]
    assert types[0] == types[1]


def test_both_losses_teach_the_place_of_the_data():
    for loss in losses.GENERATOR_LOSSES.values():
        gan = dataclasses.replace(PLAIN, loss_g=loss, optimizer_g=optax.adam(1e-2), batch=64)
        state = train.init(gan, KEY)
        before = abs(float(jnp.mean(train.generate(gan, state, batches(gan)[1]))) - 4)
        state, _ = train.train(gan, state, DATA.sample, KEY, 600)
        after = abs(float(jnp.mean(train.generate(gan, state, batches(gan)[1]))) - 4)
        assert after < before / 2


@pytest.mark.parametrize(
    ("change", "named"),
    [({"k": 0}, "k is 0"), ({"batch": -3}, "batch is -3")],
)
def test_bad_settings_are_named(change, named):
    with pytest.raises(ValueError, match=named):
        dataclasses.replace(PLAIN, **change)


def test_bad_steps_are_named():
    with pytest.raises(ValueError, match="steps is 0"):
        train.train(PLAIN, train.init(PLAIN, KEY), DATA.sample, KEY, 0)


@pytest.mark.parametrize(
    ("sample_data", "named"),
    [
        (lambda key, n: jnp.full((n, 1), jnp.nan), "the data holds nan"),
        (lambda key, n: jnp.ones((n, 2)), r"data has shape \(12, 2\), generated has shape \(12, 1\)"),
        (lambda key, n: jnp.ones((n - 1, 1)), r"data has shape \(11, 1\)"),
    ],
)
def test_bad_data_is_named(sample_data, named):
    with pytest.raises(ValueError, match=named):
        train.check_sampler(PLAIN, train.init(PLAIN, KEY), sample_data, KEY)
