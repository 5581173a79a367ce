"""adversarial_examples: the attack and its exact case, both trainings, what is counted, and the command at toy size."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import adversarial_examples as command
from experiments.neighbours import d_under_attack, learning, under_attack
from experiments.neighbours.models import logistic, of_module
from gan_from_scratch.neighbours import classifiers

SHAPE = (4, 3, 1)
REGRESSION = logistic(SHAPE, (3, 7))
seeds, steps = st.integers(0, 2**31 - 1), st.floats(0.001, 1)


def regression_case(seed: int, n: int = 30):
    """Parameters, bytes, labels of both signs."""
    rng = np.random.default_rng(seed)
    params = {"w": jnp.asarray(rng.normal(size=SHAPE), jnp.float32), "b": jnp.float32(rng.normal())}
    return params, rng.integers(0, 256, (n, *SHAPE), dtype=np.uint8), np.where(np.arange(n) % 2, 1, -1)


@given(seeds, steps)
def test_formula_and_attack_agree_on_every_image_and_for_both_labels(seed, eps):
    params, images, y = regression_case(seed)
    found = command.compared(REGRESSION, params, images, y, eps)
    assert found["largest_difference_of_margins"] < 1e-5  # float32's pixels, of sums of 12 products
    margins = command.adversarial_margin(params, images / 255, y, eps)
    assert found["agree"] == len(y) or np.abs(margins).min() < 1e-5
    assert found["formula_error"] == np.mean(margins < 0)


@given(seeds, steps)
def test_no_step_of_that_size_lowers_the_margin_more(seed, eps):
    """Corners and interior points of the cube of steps: none reaches below the formula."""
    params, images, y = regression_case(seed, 4)
    rng = np.random.default_rng(seed + 1)
    x = images / 255
    lowest = command.adversarial_margin(params, x, y, eps)
    for _ in range(20):
        step = rng.choice([rng.choice([-eps, eps], SHAPE), rng.uniform(-eps, eps, SHAPE)])
        assert np.all(command.adversarial_margin(params, x + step, y, 0.0) >= lowest - 1e-9)


@pytest.mark.parametrize("module", [classifiers.SoftmaxRegression(), classifiers.ConvolutionalClassifier(width=2)])
def test_the_step_is_eps_in_each_pixel_uphill_and_not_cut_off(module):
    model = of_module(module, (8, 8, 1))
    params = model.init(jax.random.key(0))
    x, y = jnp.round(jax.random.uniform(jax.random.key(1), (6, 8, 8, 1))), jnp.arange(6)
    after = command.fast_gradient_sign(model, params, x, y, 0.25)
    size = np.abs(after - x)
    assert np.all((size == 0.25) | (size == 0)) and (size == 0.25).mean() > 0.9
    assert after.min() == -0.25 and after.max() == 1.25
    small = command.fast_gradient_sign(model, params, x, y, 1e-3)
    assert learning.cross_entropy(model, params, small, y, None) > learning.cross_entropy(model, params, x, y, None)


def test_what_adversarial_training_descends():
    """J(x) / 2 + J(x~) / 2, and its slope is that with x~ held where it is."""
    model = of_module(classifiers.SoftmaxRegression(), SHAPE)
    params = model.init(jax.random.key(0))
    x, y, key = jax.random.uniform(jax.random.key(1), (5, *SHAPE)), jnp.arange(5), jax.random.key(2)
    attacked = command.fast_gradient_sign(model, params, x, y, 0.1)

    def held(params):
        return (
            learning.cross_entropy(model, params, x, y, None) + learning.cross_entropy(model, params, attacked, y, None)
        ) / 2

    ours = partial(command.adversarial_loss, model, x=x, y=y, key=key, eps=0.1)
    assert float(ours(params)) == pytest.approx(float(held(params)), rel=1e-6)
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, jax.grad(lambda p: ours(p))(params), jax.grad(held)(params))


def test_what_training_on_random_signs_descends():
    """For an affine map of the pixels and signs s: the second half is J at x + eps s, another s with each key."""
    params, images, y = regression_case(0, 2000)
    x, eps = images / np.float32(255), 0.3
    found = [float(command.noisy_loss(REGRESSION, params, x, y, jax.random.key(i), eps)) for i in range(2)]
    signs = np.random.default_rng(1).choice([-1, 1], x.shape)
    expected = np.mean([np.logaddexp(0, -command.adversarial_margin(params, each, y, 0.0)) for each in
                        (x, x + eps * signs)])  # fmt: skip
    # The mean of 2,000 losses differs between draws of s by about eps |w|_2 / sqrt(2000), halved.
    assert found[0] != found[1]
    np.testing.assert_allclose(found, expected, atol=5 * eps * float(jnp.linalg.norm(params["w"])) / 2000**0.5)


def test_what_is_counted():
    """Logistic regression by hand: errors as they are, attacked and of rubbish, and the confidence of wrong ones."""
    params, images, y = regression_case(3, 1500)
    attack = jax.jit(partial(command.fast_gradient_sign, REGRESSION))
    found = under_attack.judged(REGRESSION, attack, params, images, y, 0.1, jax.random.key(0))
    x = images / 255
    for name, eps in (("clean", 0.0), ("attacked", 0.1)):
        margin = command.adversarial_margin(params, x, y, eps)
        assert found[name]["error"] == pytest.approx(np.mean(margin < 0), abs=2 / 1500)  # two at the border at most
        sure = np.mean(1 / (1 + np.exp(margin[margin < 0])))
        assert found[name]["confidence_when_wrong"] == pytest.approx(sure, abs=1e-2)
    assert found["rubbish"]["error"] > 0.99  # of two digits one always has more than half
    curve = under_attack.errors(REGRESSION, attack, params, images, y)
    expected = [
        np.mean(command.adversarial_margin(params, x[:1000], y[:1000], eps) < 0) for eps in under_attack.EPSILONS
    ]
    np.testing.assert_allclose(curve, expected, atol=2e-3)


def test_random_signs_are_signs_of_the_steps_size():
    """With labels that the model gives itself nothing is wrong before; after random signs as much as NumPy's make."""
    params, images, _ = regression_case(4, 3000)
    y = np.where(command.adversarial_margin(params, images / 255, np.ones(3000), 0.0) > 0, 1, -1)
    attack = partial(command.fast_gradient_sign, REGRESSION)
    found = under_attack.judged(REGRESSION, attack, params, images, y, 0.5, jax.random.key(0))
    signs = np.random.default_rng(5).choice([-0.5, 0.5], images.shape)
    expected = np.mean(command.adversarial_margin(params, images / 255 + signs, y, 0.0) < 0)
    assert found["clean"] == {"error": 0.0, "confidence_when_wrong": None}
    # Two shares of 3,000 draws differ by at most .013 in the standard deviation; without signs the error is 0.
    assert expected > 0.1 and found["random signs"]["error"] == pytest.approx(expected, abs=5 * 0.013)


def test_examples_show_the_digit_that_a_label_stands_for():
    params, images, y = regression_case(5)
    attack = partial(command.fast_gradient_sign, REGRESSION)
    shown = under_attack.examples(REGRESSION, attack, params, images, y, 0.2)
    assert len(shown) == 2
    for digit in shown:
        before, step, after = digit["images"]
        np.testing.assert_allclose(before + step, after, atol=1e-6)
        assert {*digit["digits"]} <= {3, 7} and all(0.5 <= sure <= 1 for sure in digit["confidence"])


def test_an_epoch_sees_each_image_once_and_learns():
    """An objective that moves the parameter with an image's label: drawn with replacement some would stay."""
    n = 24
    images, labels = np.zeros((n, *SHAPE), np.uint8), np.arange(n)
    model = REGRESSION._replace(init=lambda key: jnp.zeros(n))
    told = []
    moved = learning.learn(
        model, lambda model, params, x, y, key: params[y].sum(), images, labels, jax.random.key(0), 1, 4,
        lambda: told.append(1),
    )  # fmt: skip
    assert np.all(np.asarray(moved) < 0) and told == [1]
    params, images, _ = regression_case(7, 400)
    y = np.where(command.adversarial_margin(params, images / 255, np.ones(400), 0.0) > 0, 1, -1)
    learnt = learning.learn(REGRESSION, learning.cross_entropy, images, y, jax.random.key(1), 400, 20, lambda: None)
    assert np.mean(command.adversarial_margin(learnt, images / 255, y, 0.0) < 0) < 0.5 * np.mean(y != np.sign(y.sum()))


@pytest.mark.parametrize(
    "module",
    [classifiers.SoftmaxRegression(), classifiers.MaxoutClassifier((6,), 3), classifiers.ConvolutionalClassifier(2)],
)  # fmt: skip
def test_an_image_is_judged_alone_and_only_training_drops_units(module):
    model = of_module(module, (8, 8, 1))
    params = model.init(jax.random.key(0))
    x = jax.random.uniform(jax.random.key(1), (5, 8, 8, 1))
    together = model.logits(params, x, None)
    assert together.shape == (5, 10)
    np.testing.assert_allclose(model.logits(params, x[2:3], None)[0], together[2], rtol=1e-5, atol=1e-5)
    first, second = (model.logits(params, x, jax.random.key(i)) for i in range(2))
    assert bool(jnp.all(first == second)) == (not isinstance(module, classifiers.MaxoutClassifier))


@given(seeds, steps)
def test_the_step_against_a_linear_ds_verdict(seed, eps):
    """The logit moves by eps |w|_1 towards 0, and beyond it where it was nearer."""
    key_w, key_x = jax.random.split(jax.random.key(seed))
    w, x = jax.random.normal(key_w, SHAPE), jax.random.normal(key_x, (9, *SHAPE))
    found = d_under_attack.against_verdict(lambda x: jnp.tensordot(x, w, 3), x, eps)
    logits, reach = np.tensordot(x, w, 3), eps * np.abs(w).sum()
    assert found["logit_moved"] == pytest.approx(reach, rel=1e-3)
    assert found["logit_before"] == pytest.approx(np.mean(np.abs(logits)), rel=1e-4)
    assert found["turned_over"] == pytest.approx(np.mean(np.abs(logits) < reach), abs=1e-6)
    assert found["taken_for_real"] == pytest.approx(np.mean(logits > 0), abs=1e-6)


def test_command(tmp_path, capsys, monkeypatch):
    settings = {"synthetic": 200, "seeds": 2, "epochs": 1, "batch": 8}
    monkeypatch.setattr(command, "GAN_STEPS", 2)
    command.main(command.Config(out=tmp_path, **settings))
    found = json.loads((tmp_path / "result.json").read_text())["numbers"]
    assert len(found["rows"]) == 6 and all(len(of_seeds) == 2 for of_seeds in found["rows"].values())
    assert all(len(errors) == len(under_attack.EPSILONS) for of in found["by_eps"].values() for errors in of)
    assert all(of["agree"] == of["images"] > 20 for of in found["exact"])
    for of_seeds in found["d"].values():
        assert all(of[kind]["logit_moved"] > 0 for of in of_seeds for kind in ("real", "fake"))
    for picture in ("adversarial.png", "epsilons.png"):
        assert (tmp_path / picture).stat().st_size > 0
    said = capsys.readouterr().out
    assert all(name in said for name in command.PAPER) and "formula and attack agree" in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"eps": 0.0}, "eps is 0"), ({"eps": 1.5}, "eps is 1.5"), ({"eps": float("nan")}, "eps is nan"),
     ({"seed": -1}, "seed is -1"), ({"seeds": 0}, "seeds is 0"), ({"epochs": 0}, "epochs is 0"),
     ({"synthetic": 200}, "batch is 128, but must be at most"), ({"synthetic": 3}, "must show")],
)  # fmt: skip
def test_bad_input_ends_before_a_folder_is_made(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        command.main(command.Config(out=tmp_path / "out", **settings))
    assert not (tmp_path / "out").exists()
