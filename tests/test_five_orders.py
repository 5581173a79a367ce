"""five_orders: what is said of the gradient that is left, the rows, what each changes, and the command at toy size."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from experiments import five_orders
from experiments.image_runs.gan import build
from experiments.image_runs.images import to_unit
from experiments.image_runs.settings import Training
from experiments.vanishing import both_gradients, changes, images
from gan_from_scratch import losses, train

SMALL = Training(steps=1, batch=8, width=2, average=0.0)
SHAPE = (28, 28, 1)


def played(training: Training = SMALL) -> tuple[train.GAN, train.GANState]:
    gan = build(training, SHAPE)
    return gan, train.init(gan, jax.random.key(0))


def test_what_a_fake_says_in_the_gradient_is_d_of_g():
    """The saturating gradient is D's logits pulled back with the weights -D(G(z)) / batch."""
    gan, state = played()
    gan = replace(gan, loss_g=losses.generator_loss_saturating)
    z = gan.sample_noise(jax.random.key(1), gan.batch)
    logits_of = lambda g: images.judged(gan, state._replace(g=state.g._replace(params=g)), z[None])[1][0]  # noqa: E731
    logits, pull_back = jax.vjp(logits_of, state.g.params)
    (expected,) = pull_back(-jax.nn.sigmoid(logits) / gan.batch)
    found = both_gradients.gradient_in_g(gan, state, z)
    np.testing.assert_allclose(found, ravel_pytree(expected)[0], rtol=1e-4, atol=1e-7)


def test_share_where_d_is_so_sure_that_float32_has_no_probability():
    """At logits of -120 D(G(z)) is 0 in float32; the shares are not."""
    logits = jnp.concatenate([jnp.full(99, -120.0), jnp.full(1, -119.0)])
    said = images.said_by_fakes(logits)
    assert said["loud share"] == pytest.approx(np.e / (np.e + 99), rel=1e-4)


@pytest.mark.parametrize("n", [1, 30, 200])
def test_share_of_the_loud(n):
    logits = jax.random.normal(jax.random.key(n), (n,))
    d = np.sort(1 / (1 + np.exp(-np.asarray(logits, np.float64))))[::-1]
    said = images.said_by_fakes(logits)
    loud = max(1, round(images.LOUD * n))
    assert said["loud share"] == pytest.approx(d[:loud].sum() / d.sum(), rel=1e-5)
    assert said["median D(G(z))"] == pytest.approx(np.median(d), rel=1e-5)


def test_of_a_batch_is_the_middle_of_norms_where_the_mean_may_be_zero():
    gan, state = played()
    z = gan.sample_noise(jax.random.key(1), 3 * gan.batch).reshape(3, gan.batch, -1)
    found = both_gradients.both_gradients(gan, state, z)
    norms = [
        np.linalg.norm(both_gradients.gradient_in_g(replace(gan, loss_g=loss), state, batch))
        for loss in losses.GENERATOR_LOSSES.values()
        for batch in z
    ]
    for name, of_loss in zip(losses.GENERATOR_LOSSES, (norms[:3], norms[3:]), strict=True):
        assert found[f"{name} of a batch"] == pytest.approx(np.median(of_loss), rel=1e-4)
        assert found[name] < np.mean(of_loss)


def test_loud_fakes_have_higher_logits_than_those_in_the_middle():
    gan, state = played(replace(SMALL, batch_norm=False))  # so that an image's logit depends on it alone
    shown = changes.loud_and_middle(gan, state, jax.random.key(2))
    logits = {name: train.discriminate(gan, state, to_unit(jnp.asarray(fakes))) for name, fakes in shown.items()}
    assert all(len(fakes) == changes.SHOWN for fakes in shown.values())
    assert logits["loud"].min() > logits["middle"].max()


def test_two_rows_of_one_run():
    moments = np.array(changes.moments_of(changes.SAME, 100))
    assert 100 in moments and moments[-1] == 200
    falling = np.geomspace(1, 1e-4, len(moments))
    stage = {"moments": moments}
    for name in losses.GENERATOR_LOSSES:
        stage |= {name: np.stack([falling, 2 * falling]), f"{name} of a batch": np.stack([falling, falling])}
    stage |= {"median D(G(z))": np.stack([falling] * 2), "loud share": np.stack([1 - falling] * 2)}
    first, whole = changes.rows(changes.SAME, stage, 100)
    assert (first["row"], first["d_steps"], whole["row"], whole["d_steps"]) == (changes.SAME, 100, changes.LONGER, 200)
    assert whole["seeds"][1]["orders_from_peak"] == pytest.approx(4)
    assert first["seeds"][0]["orders_from_peak"] == pytest.approx(-np.log10(falling[moments == 100][0]))
    assert first["seeds"][0]["loud share at the end"] < whole["seeds"][0]["loud share at the end"]


@pytest.mark.parametrize("width", [8, 32])
def test_each_change_is_what_its_row_says(width):
    players = {name: played(change(replace(SMALL, width=width))) for name, change in changes.CHANGES.items()}
    size = {name: sum(w.size for w in jax.tree.leaves(state.d.params)) for name, (_, state) in players.items()}
    assert 3 < size["D twice as wide"] / size[changes.SAME] < 4
    assert not players["D without BatchNorm"][1].d.stats and players[changes.SAME][1].d.stats
    for name, (gan, state) in players.items():  # the first step of Adam is its rate in each direction
        updates, _ = gan.optimizer_d.update(jax.tree.map(jnp.ones_like, state.d.params), state.d.opt_state)
        rate = 1e-3 if name == "D's rate 1e-3 instead of 2e-4" else 2e-4
        assert float(ravel_pytree(updates)[0][0]) == pytest.approx(-rate, rel=1e-5)


def test_command(tmp_path, capsys, monkeypatch):
    quiet = tuple(changes.CHANGES)[::2]  # each row is another program to compile
    monkeypatch.setattr(changes, "OF_DATA", {"mnist": quiet, "cifar10": quiet[:1]})
    settings = {"synthetic": 20, "width": 2, "batch": 8, "d_steps": 3, "seeds": 2}
    five_orders.main(five_orders.Config(out=tmp_path, **settings))
    found = json.loads((tmp_path / "result.json").read_text())["numbers"]
    assert [row["row"] for row in found["mnist"]] == [changes.SAME, changes.LONGER, quiet[1]]
    assert [row["row"] for row in found["cifar10"]] == [changes.SAME, changes.LONGER]
    for row in (*found["mnist"], *found["cifar10"]):
        assert row["d_step"][-1] == row["d_steps"] == (6 if row["row"] == changes.LONGER else 3)
        assert len(row["seeds"]) == 2 and min(row["median"]["saturating"]) > 0
    for picture in ("orders.png", "fakes.png"):
        assert (tmp_path / picture).stat().st_size > 0
    assert "5 orders in the best case" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"data": "toy"}, "data is 'toy'"), ({"epochs": 0}, "epochs is 0"), ({"d_steps": -1}, "d_steps is -1"),
     ({"seed": -1}, "seed is -1"), ({"synthetic": 9}, "batch is 64, but must be at most 9"),
     ({"synthetic": 9, "batch": 1}, "batch is 1, but must be at least 2")],
)  # fmt: skip
def test_bad_input_ends_before_a_folder_is_made(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        five_orders.main(five_orders.Config(out=tmp_path / "out", **settings))
    assert not (tmp_path / "out").exists()
