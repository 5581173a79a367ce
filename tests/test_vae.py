"""vae: each formula, the exact case, what the digits' likelihood is of, and the command."""

import itertools
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from experiments import vae
from experiments.neighbours import bound, gan_beside
from experiments.neighbours.latent import in_parts, linear, of_modules
from experiments.neighbours.vae_and_gan import grey
from gan_from_scratch.neighbours.autoencoders import BernoulliDecoder, GaussianEncoder

seeds = st.integers(0, 2**31 - 1)
DIM, LATENT, ROWS = 4, 2, 3
MODEL = linear(DIM, LATENT, lambda of, x: vae.log_normal(x, *of))
SHAPE = (3, 2, 1)
PIXELS = of_modules(GaussianEncoder(2, (4,)), BernoulliDecoder(SHAPE, (5,)), vae.log_bernoulli)


def linear_case(seed: int):
    """Parameters far from any optimum, and rows x (ROWS, DIM)."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(MODEL.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: jnp.asarray(0.7 * rng.normal(size=leaf.shape)), shapes)
    return params, jnp.asarray(rng.normal(size=(ROWS, DIM)))


ELBO = partial(vae.elbo, MODEL)
WEIGHTED = {k: partial(vae.importance_weighted, MODEL, k=k) for k in (1, 4, 16)}


def many(f, params, x, draws: int, seed: int = 0):
    """Mean of f over draws, of each row, and its standard error."""
    found = np.asarray(over(f, params, x, jax.random.split(jax.random.key(seed), draws)), np.float64)
    return found.mean(axis=0), found.std(axis=0) / draws**0.5


@partial(jax.jit, static_argnames="f")
def over(f, params, x, keys):
    return jax.vmap(lambda key: f(params, x, key))(keys)


def log_p_of(params, x) -> np.ndarray:
    """Of each row, by SciPy."""
    mean, w, log_variance = (np.asarray(params["decoder"][name], np.float64) for name in ("mean", "w", "log_variance"))
    covariance = w.T @ w + np.exp(log_variance) * np.eye(DIM)
    return scipy.stats.multivariate_normal(mean, covariance).logpdf(np.asarray(x, np.float64))


def gap_of(params, x) -> np.ndarray:
    """KL(q(z|x) || p(z|x)) of each row, both Gaussian: Bayes by hand."""
    mean, w, log_variance = (np.asarray(params["decoder"][name], np.float64) for name in ("mean", "w", "log_variance"))
    s2 = np.exp(log_variance)
    precision = np.eye(LATENT) + w @ w.T / s2
    posterior = np.linalg.solve(precision, w @ (np.asarray(x, np.float64) - mean).T / s2).T
    m, log_v = (np.asarray(each, np.float64) for each in MODEL.encode(params, x))
    apart = posterior - m
    return 0.5 * (
        np.exp(log_v) @ np.diag(precision) + np.einsum("ni,ij,nj->n", apart, precision, apart) - LATENT
        - np.linalg.slogdet(precision)[1] - log_v.sum(axis=1)
    )  # fmt: skip


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 2)), min_size=1, max_size=4))
def test_kl_to_the_prior_is_the_integral(coordinates):
    """Coordinate by coordinate, by a trapezoid rule; and that of the prior to itself is 0."""
    z = np.linspace(-30, 30, 20_001)
    expected = 0.0
    for mean, log_variance in coordinates:
        q = scipy.stats.norm(mean, np.exp(log_variance / 2))
        expected += np.trapezoid(q.pdf(z) * (q.logpdf(z) - scipy.stats.norm.logpdf(z)), z)
    mean, log_variance = jnp.array(coordinates).T
    assert float(vae.kl_to_prior(mean, log_variance)) == pytest.approx(expected, rel=1e-4, abs=1e-5)  # float32
    assert float(vae.kl_to_prior(jnp.zeros(3), jnp.zeros(3))) == 0


def test_kl_to_the_prior_is_the_mean_of_log_q_over_p():
    mean, log_variance, n = jnp.array([0.5, -1.0]), jnp.array([-1.0, 0.5]), 100_000
    z = vae.drawn(jnp.broadcast_to(mean, (n, 2)), log_variance, jax.random.key(0))
    ratio = np.asarray(vae.log_normal(z, mean, log_variance) - vae.log_normal(z, 0.0, 0.0))
    error = float(ratio.std()) / n**0.5
    assert float(vae.kl_to_prior(mean, log_variance)) == pytest.approx(float(ratio.mean()), abs=5 * error)


def test_a_draw_from_q_moves_with_its_mean_and_its_deviation():
    key = jax.random.key(0)
    mean, log_variance = jax.random.normal(jax.random.key(1), (2, 5000, 3))
    noise = vae.drawn(jnp.zeros((5000, 3)), jnp.zeros((5000, 3)), key)
    assert scipy.stats.kstest(np.ravel(noise), "norm").pvalue > 1e-3
    z, slope = jax.jvp(partial(vae.drawn, key=key), (mean, log_variance), (jnp.ones_like(mean), jnp.ones_like(mean)))
    np.testing.assert_allclose(z, mean + np.exp(log_variance / 2) * noise, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slope, 1 + (z - mean) / 2, rtol=1e-4, atol=1e-5)


@given(seeds)
def test_the_elbo_is_log_p_less_the_kl_to_the_posterior(seed):
    """Eqs. (1) to (3), for any parameters; so it is at most log p, and by how much is known."""
    params, x = linear_case(seed)
    found, error = many(ELBO, params, x, 2_000)
    gap = gap_of(params, x)
    assert np.all(gap >= 0)
    np.testing.assert_array_less(np.abs(found - (log_p_of(params, x) - gap)), 5 * error + 1e-3)
    assert np.all(found <= log_p_of(params, x) + 5 * error)


@given(seeds)
def test_more_draws_of_z_give_a_bound_that_is_no_lower_and_still_below_log_p(seed):
    params, x = linear_case(seed)
    found, errors = zip(*(many(f, params, x, 1_000) for f in WEIGHTED.values()), strict=True)
    elbo, error = many(ELBO, params, x, 1_000, 1)
    assert np.all(np.abs(found[0] - elbo) <= 5 * (error + errors[0]))  # another estimate of the same
    for (lower, upper), (e, f) in zip(itertools.pairwise(found), itertools.pairwise(errors), strict=True):
        assert np.all(lower <= upper + 5 * (e + f))
    assert np.all(found[-1] <= log_p_of(params, x) + 5 * errors[-1])


def test_many_draws_come_to_log_p():
    params, x = linear_case(0)
    found = vae.importance_weighted(MODEL, params, x, jax.random.key(0), 50_000)
    gaps = log_p_of(params, x) - many(ELBO, params, x, 2_000)[0]
    assert np.all(gaps > 0.3)
    np.testing.assert_allclose(found, log_p_of(params, x), atol=0.1)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("model", [MODEL, PIXELS], ids=["linear", "pixels"])
def test_slope_of_the_elbo_by_finite_differences(model):
    """Of encoder and decoder, the noise held: the draw lets the slope through."""
    key = jax.random.key(3)
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), model.init(jax.random.key(0)))
    x = jnp.round(jax.random.uniform(jax.random.key(1), (4, *(SHAPE if model is PIXELS else (DIM,))), jnp.float64))
    leaves, tree = jax.tree.flatten(params)
    rng, h = np.random.default_rng(0), 1e-5
    towards = tree.unflatten([jnp.asarray(rng.normal(size=leaf.shape)) for leaf in leaves])

    def along(t):
        return jnp.mean(vae.elbo(model, jax.tree.map(lambda a, b: a + t * b, params, towards), x, key))

    for part in ("encoder", "decoder"):
        assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(
            jax.grad(lambda params: jnp.mean(vae.elbo(model, params, x, key)))(params)[part]))  # fmt: skip
    assert float(jax.grad(along)(0.0)) == pytest.approx(float(along(h) - along(-h)) / (2 * h), rel=1e-6)


@given(seeds)
def test_no_linear_model_is_likelier_than_probabilistic_pca(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, DIM)) @ rng.normal(size=(DIM, DIM)) + rng.normal(size=DIM)
    best = vae.probabilistic_pca(x, LATENT)
    highest = vae.log_marginal(x, **best)
    assert highest == pytest.approx(log_p_of({"decoder": best}, x).mean(), rel=1e-9)
    for size in (1e-3, 0.1, 1):
        moved = {name: value + size * rng.normal(size=np.shape(value)) for name, value in best.items()}
        assert vae.log_marginal(x, **moved) <= highest
    rotation = np.linalg.qr(rng.normal(size=(LATENT, LATENT)))[0]
    assert vae.log_marginal(x, **best | {"w": rotation @ best["w"]}) == pytest.approx(highest, rel=1e-9)


@pytest.mark.usefixtures("float64")
def test_at_probabilistic_pca_the_elbo_is_log_p():
    """The encoder that has p(z|x): each single draw's weight is p(x)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, DIM)) @ rng.normal(size=(DIM, DIM))
    best = vae.probabilistic_pca(x, LATENT)
    variance, squares = np.exp(best["log_variance"]), np.sum(best["w"] ** 2, axis=1)
    w = best["w"].T / (squares + variance)
    encoder = {"w": w, "b": -best["mean"] @ w, "log_variance": np.log(variance / (squares + variance))}
    params = jax.tree.map(jnp.asarray, {"encoder": encoder, "decoder": best})
    np.testing.assert_allclose(gap_of(params, x), 0, atol=1e-10)
    weighted = vae.importance_weighted(MODEL, params, jnp.asarray(x), jax.random.key(0), 1)
    np.testing.assert_allclose(weighted, log_p_of(params, x), rtol=1e-9)
    found, error = many(ELBO, params, jnp.asarray(x), 500)
    assert found.mean() == pytest.approx(vae.log_marginal(x, **best), abs=5 * float(np.sqrt(np.mean(error**2) / 200)))


def test_the_exact_case_is_reached(monkeypatch):
    monkeypatch.setattr(vae, "ROWS", 300)
    found = vae.exact_case(jax.random.key(0))
    first, last = found["moments"][0], found["moments"][-1]
    assert last["step"] == vae.EXACT_STEPS and first["log_p"] - first["elbo"] > 1
    for of in found["moments"]:  # .02: draws of each row's z leave about .01 nats of error
        assert of["elbo"] <= of["weighted_5"] + 0.02 <= of["weighted_50"] + 0.04 <= of["log_p"] + 0.06
    assert abs(last["elbo"] - last["log_p"]) < 0.1 and 0 <= found["log_p_of_ppca"] - last["log_p"] < 0.01


@given(seeds)
def test_the_likelihood_of_pixels_is_a_probability_of_those_that_are_0_or_1(seed):
    """It sums to 1 over all of them; a grey image's, by the same formula, is that of no outcome."""
    logits = 2 * jax.random.normal(jax.random.key(seed), (1, 4, 1, 1))
    outcomes = jnp.array(list(itertools.product([0.0, 1.0], repeat=4))).reshape(16, 4, 1, 1)
    assert float(jnp.exp(vae.log_bernoulli(logits, outcomes)).sum()) == pytest.approx(1, rel=1e-5)
    p = np.asarray(jax.nn.sigmoid(logits)).ravel()
    expected = np.sum(np.where(outcomes.reshape(16, 4) == 1, np.log(p), np.log1p(-p)), axis=1)
    np.testing.assert_allclose(vae.log_bernoulli(logits, outcomes), expected, rtol=1e-4, atol=1e-5)


def test_pixels_are_drawn_anew_and_neither_grey_nor_cut_at_a_half():
    images = np.tile(np.array([0, 64, 128, 255], np.uint8), (20_000, 1))
    x, again = (np.asarray(vae.pixels_drawn(images, jax.random.key(i))) for i in range(2))
    assert {*np.unique(x)} == {0, 1} and np.any(x != again)
    np.testing.assert_allclose(x.mean(axis=0), [0, 64 / 255, 128 / 255, 1], atol=5 * 0.5 / 20_000**0.5)


def test_learning_sees_fresh_pixels_of_training_digits_alone():
    """The bound is highest at the mean of what is seen: that is the training digits' grey. Test digits are white."""
    images = np.broadcast_to(np.array([64, 192], np.uint8).reshape(1, 2, 1, 1), (10, 2, 1, 1))

    def near(mean, x, key):
        return -jnp.sum((x - mean) ** 2, axis=(1, 2, 3)) - 1e3 * jnp.any((x != 0) & (x != 1))

    white = np.full((4, 2, 1, 1), 255, np.uint8)
    start = jnp.full((2, 1, 1), 0.5)
    mean, curve = bound.learn_images(
        near, near, vae.pixels_drawn, start, images, white, jax.random.key(0), 600, 10, 0.03
    )
    np.testing.assert_allclose(mean.ravel(), [64 / 255, 192 / 255], atol=0.06)
    assert curve["step"][0] == 0 and curve["step"][-1] == 600 and curve["epochs"][-1] == 600
    assert len(curve["step"]) == bound.LOOKS + 1 == len(curve["elbo_training"])
    assert curve["elbo_test"][0] == pytest.approx(-0.5) and all(value > -10 for value in curve["elbo_training"])


def test_learning_that_goes_non_finite_says_so():
    with pytest.raises(FloatingPointError, match="by step 3 at rate"):
        bound.learn(
            lambda p, x, key: p * jnp.nan, lambda x, key: x, jnp.ones(2), jnp.ones(1), jax.random.key(0), 9, 0.1, 3,
            lambda step, params: None,
        )  # fmt: skip


def test_an_image_is_encoded_and_decoded_alone():
    params = PIXELS.init(jax.random.key(0))
    x = jnp.round(jax.random.uniform(jax.random.key(1), (5, *SHAPE)))
    mean, log_variance = PIXELS.encode(params, x)
    assert mean.shape == log_variance.shape == (5, 2)
    logits = PIXELS.decode(params, mean)
    np.testing.assert_allclose(grey(PIXELS, params, mean), 255 / (1 + np.exp(-logits)), atol=0.51)
    assert logits.shape == x.shape
    np.testing.assert_allclose(
        PIXELS.decode(params, PIXELS.encode(params, x[2:3])[0])[0], logits[2], rtol=1e-5, atol=1e-6
    )


@given(seeds)
def test_parts_are_the_whole(seed):
    x = np.random.default_rng(seed).normal(size=(1_203, 2))
    np.testing.assert_array_equal(in_parts(lambda x, key: x.sum(axis=1), x, jax.random.key(0)), x.sum(axis=1))
    drawn = in_parts(lambda x, key: jax.random.normal(key, (len(x),)), x, jax.random.key(seed))
    assert len({*drawn.tolist()}) > 1_150  # each part has a key of its own: else at most 500 are different


def test_command(tmp_path, capsys, monkeypatch, cache):
    smaller = {(vae, "EXACT_STEPS"): 20, (vae, "ROWS"): 50, (vae, "DRAWS"): 50, (vae, "K"): 3, (bound, "LOOKS"): 2,
               (gan_beside, "WIDTH"): 2}  # fmt: skip
    for (module, name), value in smaller.items():
        monkeypatch.setattr(module, name, value)
    trained_on = []
    for module, name, at in ((vae, "learn_images", 4), (gan_beside, "learnt", 1)):
        usual = getattr(module, name)
        seeing = lambda *args, usual=usual, at=at: (trained_on.append(args[at]), usual(*args))[1]  # noqa: E731
        monkeypatch.setattr(module, name, seeing)
    asked = []
    usual_parts = vae.in_parts
    monkeypatch.setattr(vae, "in_parts", lambda of, x, key: (asked.append(x), usual_parts(of, x, key))[1])
    settings = {"synthetic": 40, "steps": 4, "batch": 8, "hidden": 6, "latent": 3, "gan_steps": 2}
    vae.main(vae.Config(out=tmp_path, cache=cache, **settings))
    digits, test = (vae.load("mnist", split, None, 40)[0] for split in ("train", "test"))
    assert len(trained_on) == 2 and not np.array_equal(digits, test)
    for images in trained_on:
        np.testing.assert_array_equal(images, digits)
    found = json.loads((tmp_path / "result.json").read_text())["numbers"]
    assert all(len(found[name]) == 1 for name in ("exact", "curves", "gan_seconds", "minus_log_p", "beside"))
    assert len(found["beside"][0]["judged"]) == 4 == len(found["beside"][0]["lines"])
    assert {*np.unique(asked[-1])} == {0, 1}, "log p is of pixels that are 0 or 1"
    for picture in ("vae.png", "curve.png"):
        assert (tmp_path / picture).stat().st_size > 0
    said = capsys.readouterr().out  # Burda's number is not of made-up images
    assert "86.76" not in said and "probabilistic PCA" in said and "medians over 1 seed" in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"seed": -1}, "seed is -1"), ({"seeds": 0}, "seeds is 0"),
     ({"steps": 0}, "steps is 0"), ({"latent": 0}, "latent is 0"), ({"hidden": -3}, "hidden is -3"),
     ({"gan_steps": 0}, "gan_steps is 0"), ({"synthetic": 0}, "synthetic is 0"),
     ({"synthetic": 50}, "batch is 100, but must be at most 50"), ({"synthetic": 200, "samples": 2}, "samples is 2"),
     ({"synthetic": 200, "hidden": 10**6}, "choose a smaller hidden"),
     ({"synthetic": 200, "latent": 10**9}, "choose a smaller")],
)  # fmt: skip
def test_bad_input_ends_before_a_folder_is_made(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        vae.main(vae.Config(out=tmp_path / "out", cache=tmp_path / "cache", **settings))
    assert not (tmp_path / "out").exists()
