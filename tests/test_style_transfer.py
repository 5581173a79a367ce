"""style_transfer: its losses and their slopes, the exact case, networks, textures, L-BFGS, the command at toy size."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from experiments import style_transfer as command
from experiments.image_runs import classifier
from experiments.image_runs.images import to_unit
from experiments.neighbours import filters, lbfgs, textures
from gan_from_scratch.images import networks

seeds = st.integers(0, 2**31 - 1)


def layers(seed: int, shapes=((2, 12), (5, 12), (3, 4))):
    """Features (N, M) of several layers, positive ones, as behind ReLU."""
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.exponential(size=shape), jnp.float32) for shape in shapes]


def papers_style_loss(found, wanted) -> float:
    """Eqs. (3) to (5) of Gatys et al. 2016 as they are printed, in loops."""
    total = 0.0
    for f, p in zip(found, wanted, strict=True):
        (n, m), (f, p) = f.shape, (np.asarray(each, np.float64) for each in (f, p))
        for i in range(n):
            for j in range(n):
                g, a = (sum(each[i, k] * each[j, k] for k in range(m)) for each in (f, p))
                total += (g - a) ** 2 / (4 * n**2 * m**2)
    return total / len(found)


@given(seeds, seeds)
def test_style_loss_is_the_papers_with_each_layers_own_channels_and_places(one, other):
    found, wanted = layers(one), layers(other)
    ours = command.style_loss(found, [command.gram(each) for each in wanted])
    assert float(ours) == pytest.approx(papers_style_loss(found, wanted), rel=1e-4, abs=1e-7)  # float32's sums


@given(seeds)
def test_a_layer_weighs_the_same_however_many_channels_and_places_it_has(seed):
    """Each channel twice, or a picture tiled with itself, changes nothing: with a fixed N or M it would, fourfold."""
    (found,), (wanted,) = layers(seed, ((4, 6),)), layers(seed + 1, ((4, 6),))
    loss = float(command.layer_loss(found, command.gram(wanted)))
    for repeated in (lambda f: jnp.repeat(f, 2, axis=0), lambda f: jnp.tile(f, (1, 2))):
        again = command.layer_loss(repeated(found), command.gram(repeated(wanted)))
        assert float(again) == pytest.approx(loss, rel=1e-5)


def test_vggs_first_and_last_layer_weigh_the_same():
    """64 channels at 256 places for each one of 512. Of features of 1, against 0, sum (G - A)^2 is N^2 M^2, so E = 1/4.

    With the last layer's numbers in each layer's weight the first would count 1,024 times as much.
    """
    first, last = jnp.ones((64, 256)), jnp.ones((512, 1))
    for found in (first, last):
        assert float(command.layer_loss(found, 0.0)) == 1 / 4
    mistaken = float(jnp.sum((first @ first.T) ** 2)) / (4 * last.size**2)
    assert mistaken / float(command.layer_loss(first, 0.0)) == 1024


@pytest.mark.parametrize("tiles", [(2, 1), (1, 3)])
def test_a_texture_tiled_with_itself_is_the_same_texture(tiles):
    """Through all layers: the torus has no border. Only so can pictures of two sizes be compared."""
    texture, other = (textures.waves(jax.random.key(i), 16) for i in range(2))
    network = filters.random_network(jax.random.key(2), 5, texture)
    wanted = command.grams(network, texture)
    tiled = jnp.tile(texture, (*tiles, 1))
    assert command.texture_loss(tiled, network, wanted) < 1e-9 < 1e-6 < command.texture_loss(other, network, wanted)


@given(seeds)
def test_slopes_in_the_features_are_the_papers(seed):
    """Eq. (2): F - P; eq. (6): (G - A) F / (N^2 M^2). (The paper's F^T (G - A), read in its indices.)"""
    (f,), (p,) = layers(seed, ((3, 7),)), layers(seed + 1, ((3, 7),))
    np.testing.assert_allclose(jax.grad(command.content_loss)(f, p), f - p, rtol=1e-6)
    expected = (f @ f.T - p @ p.T) @ f / (3 * 7) ** 2
    np.testing.assert_allclose(jax.grad(command.layer_loss)(f, command.gram(p)), expected, rtol=1e-3, atol=1e-5)


def test_the_slope_in_the_pixels_by_differences(float64):
    rng = np.random.default_rng(0)
    x, content, style = (jnp.asarray(rng.uniform(size=(8, 12, 3))) for _ in range(3))
    network = filters.random_network(jax.random.key(1), 4, style)
    aim = filters.features(network, content)[command.CONTENT_LAYER]
    given = (network, aim, command.grams(network, style), 30.0, 0.5)
    loss, slope = jax.jit(command.total_loss), jax.jit(jax.grad(command.total_loss))(x, *given)
    for i in range(5):
        # So short that hardly a ReLU has its kink on the way.
        way = 1e-6 * jnp.asarray(np.random.default_rng(i).normal(size=x.shape))
        difference = (loss(x + way, *given) - loss(x - way, *given)) / 2
        assert float(difference) == pytest.approx(float(jnp.sum(slope * way)), rel=1e-4)


def test_what_the_total_loss_adds_up():
    """Per number, so that it does not depend on the picture's size: 1/2 the mean of (F - P)^2, and the mean of TV."""
    x, style = textures.dots(jax.random.key(0), 16), textures.waves(jax.random.key(1), 16)
    network = filters.random_network(jax.random.key(2), 4, style)
    found = filters.features(network, x)
    aim, wanted = found[command.CONTENT_LAYER] + 2, command.grams(network, style)
    of = jax.jit(command.total_loss)
    loss = {(b, g): float(of(x, network, aim, wanted, b, g)) for b in (0.0, 3.0) for g in (0.0, 5.0)}
    assert loss[0, 0] == pytest.approx(2, rel=1e-5)
    assert loss[3, 0] - loss[0, 0] == pytest.approx(3 * float(command.style_loss(found, wanted)), rel=1e-3)
    assert loss[0, 5] - loss[0, 0] == pytest.approx(5 * float(command.total_variation(x)) / x.size, rel=1e-3)


def test_total_variation():
    """Of a step of height 2 over three rows; opposite edges are no neighbours."""
    x = jnp.zeros((3, 4, 1)).at[:, 2:].set(2.0)
    assert float(command.total_variation(x)) == 3 * 2**2
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(4, 5, 3))
    pairs = [(x[i, j], x[i + 1, j]) for i in range(3) for j in range(5)]
    pairs += [(x[i, j], x[i, j + 1]) for i in range(4) for j in range(4)]
    assert float(command.total_variation(jnp.asarray(x))) == pytest.approx(sum(((a - b) ** 2).sum() for a, b in pairs))


@given(seeds)
def test_randomised_phases_keep_every_amplitude_and_the_mean(seed):
    x = jnp.asarray(np.random.default_rng(seed).uniform(size=(8, 6, 3)), jnp.float32)
    turned = command.randomised_phases(x, jax.random.key(seed))
    spectra = [np.fft.fft2(each, axes=(0, 1)) for each in (x, turned)]
    np.testing.assert_allclose(*map(np.abs, spectra), atol=1e-4)  # float32, of sums of 48
    np.testing.assert_allclose(x.mean(axis=(0, 1)), turned.mean(axis=(0, 1)), atol=1e-5)
    assert np.abs(turned - x).max() > 0.05
    # One phase for all channels: what two channels have in common stays too.
    np.testing.assert_allclose(*(s[..., 0] * s[..., 1].conj() for s in spectra), atol=1e-3)


@pytest.mark.parametrize("process", textures.TEXTURES.values(), ids=textures.TEXTURES)
def test_linear_features_see_only_the_spectrum_and_relu_sees_more(process):
    found = command.exact_case(process(jax.random.key(0), 16), 6, jax.random.key(1))
    assert found["linear"] < 1e-13  # float64: 2e-16 for each of a layer's sums
    assert found["relu"] > 0.01


def test_behind_a_halving_even_linear_features_see_phases():
    """It folds frequencies onto each other: the exact case is of layers at full size."""
    texture = textures.waves(jax.random.key(0), 16)
    network = filters.random_network(jax.random.key(1), 6, texture, blocks=(1, 1))
    turned = command.randomised_phases(texture, jax.random.key(2))
    a, g = (command.grams(network, x, lambda h: h) for x in (texture, turned))
    apart = [float(jnp.linalg.norm(g - a) / jnp.linalg.norm(a)) for g, a in zip(g, a, strict=True)]
    assert apart[0] < 1e-5 < 1e-2 < apart[1]


def test_features_by_hand():
    """A circular convolution with the style's mean and deviation taken off, ReLU; then another layer; then means."""
    rng = np.random.default_rng(0)
    x, style = (rng.uniform(size=(4, 8, 3)).astype(np.float32) for _ in range(2))
    network = filters.random_network(jax.random.key(0), 2, jnp.asarray(style), blocks=(2, 1))
    first, second, third = filters.features(network, jnp.asarray(x))
    assert (first.shape, second.shape, third.shape) == ((2, 32), (2, 32), (2, 8))
    drawn = filters.random_network(jax.random.key(0), 2, jnp.array([[[-1.0] * 3, [1.0] * 3]]), blocks=(2, 1))

    def by_hand(h, kernel):
        rows, columns, _ = h.shape
        out = np.zeros((rows, columns, len(kernel)))
        for i in range(rows):
            for j in range(columns):
                for a in range(3):
                    for b in range(3):
                        out[i, j] += np.asarray(kernel)[:, a, b] @ h[(i + a - 1) % rows, (j + b - 1) % columns]
        return np.maximum(out, 0)

    h = by_hand((x - style.mean(axis=(0, 1))) / style.std(), drawn[0][0][0])
    np.testing.assert_allclose(first, h.reshape(32, 2).T, atol=1e-5)
    h = by_hand(h, drawn[0][1][0])
    np.testing.assert_allclose(second, h.reshape(32, 2).T, atol=1e-5)
    h = by_hand(h.reshape(2, 2, 4, 2, 2).mean(axis=(1, 3)), drawn[1][0][0])
    np.testing.assert_allclose(third, h.reshape(8, 2).T, atol=1e-5)


def test_random_filters_hand_the_second_moment_on():
    """He et al. 2015: E F^2 is about the same in each layer, so that the layers' losses are of one size."""
    texture = textures.waves(jax.random.key(0), 32)
    network = filters.random_network(jax.random.key(1), 64, texture, blocks=(3,))
    moments = [float(jnp.mean(found**2)) for found in filters.features(network, texture)]
    assert all(0.5 < moment < 2 for moment in moments)  # 1, but of 64 filters


def test_a_picture_of_one_colour_has_finite_features():
    plain = jnp.full((8, 8, 3), 0.3)
    network = filters.random_network(jax.random.key(0), 3, plain)
    assert all(np.isfinite(found).all() for found in filters.features(network, plain))


@pytest.fixture(scope="module")
def untrained() -> classifier.Judge:
    module = networks.Classifier(2)
    init = jax.jit(lambda key: module.init(key, jnp.zeros((1, 32, 32, 3)), train=True))
    return classifier.Judge(module, init(jax.random.key(0)))


def test_the_classifiers_features_are_its_own(untrained):
    """Amid the picture, where its zeros around the border do not reach: against flax's own layers."""
    module, variables = untrained.module, untrained.variables
    noise = lambda leaf: leaf + 0.3 * jax.random.uniform(jax.random.key(1), leaf.shape)  # noqa: E731
    variables = jax.tree.map(noise, variables)  # statistics and scales as after training: none is 0 or 1
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    look = jax.jit(lambda x: module.apply(variables, x, train=False, capture_intermediates=True)[1])
    inside = look(to_unit(jnp.asarray(image)))
    network = filters.of_classifier(classifier.Judge(module, variables))
    for i, found in enumerate(filters.features(network, jnp.asarray(image[0] / 255.0))):
        expected = np.maximum(inside["intermediates"][f"norm_{i}"]["__call__"][0][0], 0)
        side = len(expected)
        middle = slice(side // 2 - 1, side // 2 + 1)
        ours = found.T.reshape(expected.shape)
        np.testing.assert_allclose(ours[middle, middle], expected[middle, middle], rtol=1e-4, atol=1e-4)


def test_lbfgs_finds_the_lowest_point_of_a_bowl_and_says_where_there_is_none():
    def bowl(x, lowest):
        return jnp.sum(jnp.arange(1, 7).reshape(1, 2, 3) * (x - lowest) ** 2)

    lowest, told = jnp.linspace(-1, 2, 6).reshape(1, 2, 3), []
    x, losses = lbfgs.optimised(bowl, jnp.zeros((1, 2, 3)), (lowest,), 15, lambda losses: told.append(len(losses)))
    np.testing.assert_allclose(x, lowest, atol=1e-4)
    again, _ = lbfgs.optimised(bowl, lowest, (lowest,), 1, lambda losses: None)  # as where content and style are one
    np.testing.assert_array_equal(again, lowest)
    assert told == [10, 20] and len(losses) == 21 and losses[-1] == float(bowl(x, lowest))
    assert losses[0] == pytest.approx(float(bowl(jnp.zeros((1, 2, 3)), lowest)))
    with pytest.raises(FloatingPointError, match="lower the weights"):
        lbfgs.optimised(bowl, jnp.zeros((1, 2, 3)), (jnp.full((1, 2, 3), 1e30),), 10, lambda losses: None)


TINY = {"size": 32, "steps": 10, "width": 4}


def test_command(tmp_path, capsys):
    command.main(command.Config(out=tmp_path, seeds=2, **TINY))
    found = json.loads((tmp_path / "result.json").read_text())["numbers"]
    for name in textures.TEXTURES:
        assert len(found[name]) == 2
        for seed in found[name]:
            assert seed["fall"] > 10 and seed["exact"]["linear"] < 1e-13
            assert seed["multiples"]["second draw"] == [1, 1] and len(seed["losses"]["synthesised"]) == 2
    for seed in found["transfer"]:
        assert seed["content"]["content"] == 0 and seed["result"]["style"] < seed["content"]["style"]
    for picture in command.WRITES:
        assert (tmp_path / picture).stat().st_size > 0
    with Image.open(tmp_path / "result.png") as result:
        assert result.size == (32, 32)
    said = capsys.readouterr().out
    assert "other phases change" in said and "L_content per feature" in said


def test_command_with_the_classifier_and_own_pictures_of_two_sizes(tmp_path, cache, capsys, monkeypatch, untrained):
    monkeypatch.setattr(command, "trained", lambda *_: (untrained, None))
    rng = np.random.default_rng(0)
    for name, size in (("content", (50, 40)), ("style", (33, 70))):
        Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    files = {name: tmp_path / f"{name}.png" for name in ("content", "style")}
    # A style of 33 x 70 becomes one of 32 x 68 first, within 72 pixels.
    settings = TINY | {"size": 72, "features": "classifier", "synthetic": 40, "cache": cache}
    command.main(command.Config(out=tmp_path / "out", **files, **settings))
    found = json.loads((tmp_path / "out" / "result.json").read_text())["numbers"]
    assert [*found] == ["transfer"] and not (tmp_path / "out" / "textures.png").exists()
    with Image.open(tmp_path / "out" / "result.png") as result:
        assert result.size == (48, 40)
    assert "fitted to 48 x 40" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"size": 0}, "size is 0"), ({"size": 28}, "size is 28"), ({"size": 130}, "size is 130, but must be a multiple"),
     ({"size": 4 * 10**6}, "choose a smaller size or width"), ({"width": 10**9}, "choose a smaller size or width"),
     ({"steps": 0}, "steps is 0"), ({"width": 0}, "width is 0"), ({"style_weight": -1.0}, "style_weight is -1"),
     ({"style_weight": float("nan")}, "style_weight is nan"), ({"smoothness": float("inf")}, "smoothness is inf"),
     ({"seed": -1}, "seed is -1"), ({"seeds": 0}, "seeds is 0"), ({"features": "vgg"}, "features is 'vgg'"),
     ({"synthetic": 0}, "synthetic is 0"), ({"size": 32, "features": "classifier", "synthetic": 3}, "synthetic is 3"),
     ({"content": Path("nowhere.png")}, "content is nowhere.png"), ({"style": Path(".")}, "style is .")],
)  # fmt: skip
def test_bad_input_ends_before_a_folder_is_made(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        command.main(command.Config(out=tmp_path / "out", **settings))
    assert not (tmp_path / "out").exists()
