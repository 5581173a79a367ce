"""Algorithm 1: who moves and who does not, in which order, on which draws, under every driver."""

import dataclasses

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
    r1=0.1,
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
@pytest.mark.parametrize("loss", ["saturating", "nonsaturating"])
def test_frozen_discriminator_stays_as_it_is_to_the_last_bit(gan, loss):
    gan = dataclasses.replace(gan, generator_loss=loss)
    state = train.init(gan, KEY)
    _, z = batches(gan)
    moved, _ = train.generator_step(gan, state, z, KEY)
    assert all(same(state.d, moved.d)) and all(same(state.step, moved.step))
    assert not all(same(state.g.params, moved.g.params)), "G is not frozen"
    assert not any(same(state.g.stats, moved.g.stats))


def test_real_and_fake_batches_pass_the_discriminator_one_after_the_other():
    """BatchNorm's mean after D's step is that of two passes: .9 (.9 m + .1 mean(real)) + .1 mean(fake)."""
    state = train.init(RESTLESS, KEY)
    x, z = batches(RESTLESS)
    moved, _ = train.discriminator_step(RESTLESS, state, x, z, KEY)
    key_g, _, _ = jax.random.split(KEY, 3)  # dropout in G decides the fakes
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
    key_z, key_step = jax.random.split(jax.random.split(key_g, 1)[0])
    z = NOISE.sample(key_z, PLAIN.batch)
    by_hand, of_g = train.generator_step(PLAIN, by_hand, z, key_step)
    assert len({*seen, z.tobytes()}) == 2 * PLAIN.k + 1, "a draw came twice"
    assert at_once.step == 1
    # Compiled code may fuse and so round differently: a few float32 steps.
    for a, b in zip(jax.tree.leaves((at_once.g, at_once.d)), jax.tree.leaves((by_hand.g, by_hand.d)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert measured.keys() == {"loss_d", "loss_g", "d_real", "d_fake"}
    assert float(measured["loss_d"]) == pytest.approx(float(of_d["loss_d"]), rel=1e-5)
    assert float(measured["loss_g"]) == pytest.approx(float(of_g["loss_g"]), rel=1e-5)


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


def test_steps_of_one_run_differ_in_their_draws():
    state = train.init(PLAIN, KEY)
    _, measured = train.train(PLAIN, state, DATA.sample, KEY, 5)
    assert len(set(np.asarray(measured["d_real"]).tolist())) == 5


def test_generator_steps_are_counted_in_its_optimizer():
    gan = dataclasses.replace(PLAIN, k=1, generator_steps=5)
    state, _ = train.train_step(gan, train.init(gan, KEY), DATA.sample, KEY)
    count_g, count_d = (int(optax.tree_utils.tree_get(p.opt_state[0], "count")) for p in (state.g, (state.d)))
    assert (count_g, count_d) == (5, 1)


def test_sampling_uses_the_average_and_depends_on_no_batch_mate():
    state, _ = train.train(PLAIN, train.init(PLAIN, KEY), DATA.sample, KEY, 10)
    z = jnp.linspace(-1, 1, 5)[:, None]
    average = remedies.averaged(state.g.opt_state, None)
    np.testing.assert_array_equal(
        train.generate(PLAIN, state, z), PLAIN.generator.apply({"params": average}, z, train=False)
    )
    restless, _ = train.train(RESTLESS, train.init(RESTLESS, KEY), DATA.sample, KEY, 10)
    together = train.generate(RESTLESS, restless, z)
    alone = jnp.concatenate([train.generate(RESTLESS, restless, row[None]) for row in z])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)  # dropout or batch statistics would be far off


def test_both_losses_teach_the_place_of_the_data():
    for loss in ("saturating", "nonsaturating"):
        gan = dataclasses.replace(PLAIN, generator_loss=loss, optimizer_g=optax.adam(1e-2), batch=64)
        state = train.init(gan, KEY)
        before = abs(float(jnp.mean(train.generate(gan, state, batches(gan)[1]))) - 4)
        state, _ = train.train(gan, state, DATA.sample, KEY, 600)
        after = abs(float(jnp.mean(train.generate(gan, state, batches(gan)[1]))) - 4)
        assert after < before / 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"k": 0}, "k is 0"),
        ({"batch": -3}, "batch is -3"),
        ({"generator_steps": 0}, "generator_steps is 0"),
        ({"generator_loss": "hinge"}, "generator_loss is 'hinge'"),
        ({"r1": -1.0}, "r1 is -1.0"),
    ],
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


# Remedies that act inside a step


def test_smoothing_and_label_noise_change_ds_objective_and_not_what_is_measured():
    noisy = dataclasses.replace(PLAIN, r1=0.0, smoothing=0.1, label_noise=0.05)
    state = train.init(noisy, KEY)
    x, z = batches(noisy)
    plain, (_, measured) = train.discriminator_objective(
        dataclasses.replace(noisy, smoothing=0.0, label_noise=0.0), state, x, z, KEY
    )(state.g.params, state.d.params)
    value, (_, also) = train.discriminator_objective(noisy, state, x, z, KEY)(state.g.params, state.d.params)
    assert float(measured["loss_d"]) == float(also["loss_d"]) == float(plain)
    # Cross-entropy is linear in its target, so the loss is the plain one plus what the moved targets add.
    key_targets = jax.random.split(KEY, 6)[3]
    real, fake = remedies.noisy_targets(key_targets, noisy.batch, 0.1, 0.05)
    logits = [
        train.discriminate(noisy, state, batch)
        for batch in (x, train._apply(noisy.generator, state.g.params, {}, z, KEY)[0])
    ]
    moved = jnp.mean((1 - real) * logits[0]) - jnp.mean(fake * logits[1])
    assert float(value) == pytest.approx(float(plain + moved), rel=1e-5)


@pytest.mark.parametrize("bound", [0.01, 100.0])
def test_d_skips_its_step_while_its_loss_is_under_the_bound(bound):
    gan = dataclasses.replace(RESTLESS, skip_below=bound)
    state = train.init(gan, KEY)
    after, measured = train.discriminator_step(gan, state, *batches(gan), KEY)
    skipped = float(measured["loss_d"]) < bound
    assert skipped == (bound == 100.0)
    assert all(same(state.d, after.d)) == skipped
    if not skipped:
        plain, _ = train.discriminator_step(RESTLESS, state, *batches(gan), KEY)
        assert all(same(plain, after))


def test_both_players_meet_shifted_images():
    """D's objective on shifted images is the plain one on images that were shifted before; so is G's on its fakes."""
    plain = train.GAN(
        networks.DCGANGenerator(8, 1, 2), networks.DCGANDiscriminator(8, 1, 2), optax.sgd(0.1), optax.sgd(0.1),
        NOISE.sample, batch=3,
    )  # fmt: skip
    shifted = dataclasses.replace(plain, shift=3)
    state = train.init(plain, KEY)
    x, z = jax.random.normal(KEY, (3, 8, 8, 1)), NOISE.sample(KEY, 3)
    key_x, key_fake = jax.random.split(KEY, 6)[4:]
    fake = train._apply(plain.generator, state.g.params, state.g.stats, z, KEY)[0]

    def judged(images):
        return train._apply(plain.discriminator, state.d.params, state.d.stats, images, KEY)[0]

    loss_d, _ = train.discriminator_objective(shifted, state, x, z, KEY)(state.g.params, state.d.params)
    wanted = losses.discriminator_loss(
        judged(remedies.shifted(key_x, x, 3)), judged(remedies.shifted(key_fake, fake, 3))
    )
    assert float(loss_d) == pytest.approx(float(wanted), rel=1e-5)
    loss_g, _ = train.generator_objective(shifted, state, z, KEY)(state.g.params, state.d.params)
    wanted = losses.generator_loss_nonsaturating(judged(remedies.shifted(jax.random.split(KEY, 3)[2], fake, 3)))
    assert float(loss_g) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize(
    "field",
    [{"smoothing": 1.0}, {"label_noise": -0.1}, {"skip_below": -1.0}, {"r1": float("inf")}, {"shift": -1}],
    ids=str,
)
def test_bad_remedies_are_named(field):
    name, value = next(iter(field.items()))
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        dataclasses.replace(PLAIN, **field)


def test_bad_batches_are_named():
    with pytest.raises(ValueError, match="batches is 0"):
        train.settle(PLAIN, train.init(PLAIN, KEY), KEY, 0)


@pytest.mark.parametrize("batches_shown", [1, 3])
def test_settled_statistics_are_the_mean_of_what_the_batches_show(batches_shown):
    """Of fresh batches under the averaged parameters, all alike and nothing else: what was there is forgotten."""
    gan = dataclasses.replace(RESTLESS, optimizer_g=optax.chain(optax.sgd(0.5), remedies.average_parameters(0.9)))
    state, _ = train.train(gan, train.init(gan, KEY), DATA.sample, KEY, 4)
    seen = []

    def sample_noise(key, n):
        seen.append(NOISE.sample(key, n))
        return seen[-1]

    gan = dataclasses.replace(gan, sample_noise=sample_noise)
    far_off = jax.tree.map(lambda statistic: statistic + 1000, state.g.stats)
    with jax.disable_jit():
        settled = train.settle(gan, state._replace(g=state.g._replace(stats=far_off)), KEY, batches_shown)
    assert all(same(settled.d, state.d)) and all(same(settled.g.opt_state, state.g.opt_state))
    average = remedies.averaged(state.g.opt_state, state.g.params)
    assert all(same(settled.g.params, average)) and not all(same(settled.g.params, state.g.params))
    h = jnp.stack([z @ average["Dense_0"]["kernel"] + average["Dense_0"]["bias"] for z in seen])
    assert h.shape == (batches_shown, gan.batch, 6)
    found = settled.g.stats["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(found["mean"], h.mean(axis=(0, 1)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["var"], h.var(axis=1).mean(axis=0), rtol=1e-4, atol=1e-5)


def test_no_two_draws_of_settle_share_a_key():
    state = train.init(RESTLESS, KEY)
    with jax.debug_key_reuse(True):
        jax.jit(lambda state, key: train.settle(RESTLESS, state, key, 2))(state, jax.random.key(1))
