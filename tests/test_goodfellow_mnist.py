"""goodfellow_mnist: its optimizer against one by hand, the release's simultaneous steps, the command at toy size."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments import goodfellow_mnist, parzen_critique, sample
from experiments.image_runs import goodfellow, images, parzen, restore
from experiments.image_runs.goodfellow import PaperTraining
from gan_from_scratch import data, losses, train

DIGITS, _ = data.synthetic("mnist", 60)


def tiny(out, cache, *, run=None, **training):
    usual = goodfellow_mnist.Config()
    folders = {"out": out, "cache": cache, "synthetic": 60, "sample_every": 20, "checkpoint_every": 20, "samples": 20}
    small = {"epochs": 8, "batch": 10, "width_g": 6, "width_d": 4, "pieces": 2, "noise_dim": 5}
    return goodfellow_mnist.Config(
        run=dataclasses.replace(usual.run, **(folders | (run or {}))),
        training=dataclasses.replace(usual.training, **(small | training)),
    )


def test_momentum_rises_and_the_rate_falls_as_by_hand():
    """Over 50 steps of 3 an epoch, on random gradients; RISEN epochs are 750 steps."""
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(50, 4))
    w = velocity = np.zeros(4)
    optimizer = goodfellow.descent(0.1, 0.01, 3)
    params = jnp.zeros(4)
    state = optimizer.init(params)
    for t, gradient in enumerate(gradients):
        velocity = (0.5 + 0.2 * t / 750) * velocity - 0.1 / 1.01**t * gradient
        w = w + velocity
        updates, state = optimizer.update(jnp.asarray(gradient, jnp.float32), state, params)
        params = optax.apply_updates(params, updates)
        np.testing.assert_allclose(params, w, rtol=2e-5, atol=2e-6)  # float32


@pytest.mark.parametrize(("epoch", "momentum"), [(0, 0.5), (125, 0.6), (250, 0.7), (900, 0.7)])
def test_momentum_at_an_epoch(epoch, momentum):
    """From rest, one step with slope 1 leaves a velocity of -r; the next, with slope 0, leaves momentum times it."""
    optimizer = goodfellow.descent(0.1, 0.0, 2)
    state = optimizer.init(jnp.zeros(1))
    at = jax.tree.map(lambda leaf: jnp.full_like(leaf, 2 * epoch) if leaf.dtype == jnp.int32 else leaf, state)
    first, at = optimizer.update(jnp.ones(1), at)
    second, _ = optimizer.update(jnp.zeros(1), at)
    assert float(second[0] / first[0]) == pytest.approx(momentum, abs=1e-3)  # a step later than the epoch's start


def test_simultaneous_players_step_against_each_other_s_old_parameters():
    gan = goodfellow.build(tiny("", None, simultaneous=True).training, DIGITS)
    state = train.init(gan, jax.random.key(0))
    x, z = images.to_unit(jnp.asarray(DIGITS[:10])), gan.sample_noise(jax.random.key(1), 10)
    moved, metrics = goodfellow.both_steps(gan, state, x, z, jax.random.key(2))
    key_d, key_g = jax.random.split(jax.random.key(2))
    alone_d, _ = train.discriminator_step(gan, state, x, z, key_d)
    alone_g, _ = train.generator_step(gan, state, x, z, key_g)
    jax.tree.map(np.testing.assert_array_equal, moved, state._replace(d=alone_d.d, g=alone_g.g))
    after_d, _ = train.generator_step(gan, alone_d, x, z, key_g)
    different = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), moved.g.params, after_d.g.params)
    assert any(jax.tree.leaves(different))  # Algorithm 1's G would have moved otherwise
    assert set(metrics) == {"loss_d", "loss_g", "d_real", "d_fake"}
    after, measured = train.train_step(gan, state, lambda key, n: x, jax.random.key(3))
    assert int(after.step) == 1 and set(measured) == set(metrics)
    counts = [leaf for leaf in jax.tree.leaves(after.g.opt_state) if leaf.dtype == jnp.int32]
    assert {int(count) for count in counts} == {1}  # G moved once, in D's turn


def test_half_of_d_s_loss_is_half_of_its_rate():
    """Why rate_d is .05: the release descends half of eq. (1)'s sum at .1."""
    x, z = images.to_unit(jnp.asarray(DIGITS[:10])), jnp.ones((10, 5))
    settings = tiny("", None).training
    ours = goodfellow.build(settings, DIGITS)
    release = dataclasses.replace(
        goodfellow.build(dataclasses.replace(settings, rate_d=0.1), DIGITS),
        loss_d=lambda real, fake: losses.discriminator_loss(real, fake) / 2,
    )
    state = train.init(ours, jax.random.key(0))
    moved = [train.discriminator_step(gan, state, x, z, jax.random.key(1))[0].d.params for gan in (ours, release)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-9), *moved)


@pytest.mark.parametrize(("noise", "furthest"), [("uniform", 3**0.5), ("gaussian", np.inf)])
def test_noise_has_variance_one(noise, furthest):
    z = goodfellow.sampler_of_noise(noise, 4)(jax.random.key(0), 20_000)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.03)
    assert jnp.abs(z).max() <= furthest and jnp.abs(z).max() > 1.7


def test_of_mnist_s_images_ten_thousand_are_for_validation():
    numbers = np.arange(60_000)
    learnt, validation = images.learnt_and_validation(numbers)
    assert (learnt[0], learnt[-1], len(learnt)) == (0, 49_999, 50_000)
    assert (validation[0], validation[-1], len(validation)) == (50_000, 50_999, 1_000)
    learnt, validation = images.learnt_and_validation(numbers[:60])
    assert (len(learnt), validation.tolist()) == (50, [50])


def test_sigma_is_chosen_on_validation_images_alone():
    """Test images that are the samples themselves would choose the narrowest window."""
    rng = np.random.default_rng(0)
    made, validation = (rng.integers(0, 256, (40, 3, 3, 1), np.uint8) for _ in range(2))
    found = parzen.estimate(made, validation, made)
    assert found["sigma"] == parzen.SIGMAS[np.argmax(found["validation"])] > 0.11
    assert found["sigma"] == parzen.estimate(made, validation, validation)["sigma"]


def test_from_digits_to_pictures_and_on(tmp_path, cache, capsys):
    """Trained, judged, drawn; longer with --resume, to the bit as in one go; its G is sampled."""
    out, whole = tmp_path / "run", tmp_path / "whole"
    goodfellow_mnist.main(tiny(out, cache, epochs=4))
    assert "Table 1: 225 +- 2" in capsys.readouterr().out
    goodfellow_mnist.main(tiny(out, cache, run={"resume": True}))
    goodfellow_mnist.main(tiny(whole, cache))
    assert {path.name for path in out.glob("[!.]*")} == {name.rstrip("/") for name in goodfellow_mnist.WRITES}
    found, at_once = (json.loads((folder / "result.json").read_text())["numbers"] for folder in (out, whole))
    for key in ("parzen", "judged", "epochs", "validation_at_epochs", "steps"):
        assert found[key] == at_once[key]
    assert found["epochs"] == [0, 4, 8]
    assert {name: len(values) for name, values in found["validation_at_epochs"].items()} == {
        "newest G": 3, "averaged G": 3
    }  # fmt: skip
    assert list(found["parzen"]) == ["newest G", "averaged G", "training images"]
    # Measured at the last epoch as at the end: the same images, the same sigma.
    for name, values in found["validation_at_epochs"].items():
        assert values[-1] == max(found["parzen"][name]["validation"])
    ends = [restore.restored(folder)[1].state for folder in (out, whole)]
    jax.tree.map(np.testing.assert_array_equal, *ends)
    sample.main(sample.Config(run=out, out=tmp_path / "drawn", n=12))
    assert restore.restored(out)[2]["furthest"] == 3**0.5  # as far as its noise goes, a walk goes
    critic = parzen_critique.Config(
        runs=(out, whole), out=tmp_path / "judged", cache=cache, synthetic=60, samples=20, rounds=1
    )
    parzen_critique.main(critic)
    rows = json.loads((tmp_path / "judged" / "result.json").read_text())["numbers"]["rows"]
    assert list(rows)[1:3] == ["goodfellow_mnist, 40 steps", f"goodfellow_mnist, 40 steps ({whole})"]
    with pytest.raises(ValueError, match="whose synthetic is 60, but it must be 50 as here"):
        parzen_critique.main(dataclasses.replace(critic, synthetic=50))
    longer = {"run": {"resume": True}}
    for changed in (longer | {"dropout": False}, {"run": {"resume": True, "samples": 21}}):
        with pytest.raises(ValueError, match="another run"):
            goodfellow_mnist.main(tiny(out, cache, **changed))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"pieces": -1}, "pieces is -1"),
        ({"rate_g": 0.0}, "rate_g is 0"),
        ({"rate_d": 1.5}, "rate_d is 1.5"),
        ({"shrinking": -1e-6}, "shrinking is -1e-06"),
        ({"shrinking": float("nan")}, "shrinking is nan"),
        ({"average": 1.0}, "average is 1.0"),
        ({"noise": "normal"}, "noise is 'normal'"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        PaperTraining(**settings)


def test_a_run_that_breaks_is_kept_up_to_there(tmp_path, cache, monkeypatch):
    out = tmp_path / "run"
    build = goodfellow.build
    broken = lambda *settings: dataclasses.replace(  # noqa: E731
        build(*settings), loss_g=lambda fake, real: jnp.nan * jnp.mean(fake)
    )
    monkeypatch.setattr(goodfellow_mnist, "build", broken)
    with pytest.raises(FloatingPointError, match="training went non-finite at step 1; there is no checkpoint"):
        goodfellow_mnist.main(tiny(out, cache))
    found = json.loads((out / "result.json").read_text())["numbers"]
    assert found["non_finite_at_step"] == 1 and set(found["validation_at_epochs"]) == {"newest G", "averaged G"}


def test_a_batch_larger_than_what_is_learnt_from_is_named(tmp_path, cache):
    with pytest.raises(ValueError, match="batch is 51, but must be at most 50"):
        goodfellow_mnist.main(tiny(tmp_path / "run", cache, batch=51))
    assert not (tmp_path / "run").exists()
