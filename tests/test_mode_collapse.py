"""mode_collapse: each row is what its name says, a finished row is kept, and what is drawn is what was scored."""

import dataclasses
import inspect
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments import mode_collapse
from experiments.modes import methods, rows
from gan_from_scratch import metrics, remedies, train
from gan_from_scratch.distributions import grid, ring


def small(out, **settings):
    return mode_collapse.Config(**{"only": ("gan", "ours-modes"), "seeds": 2, "steps": 40, "out": out} | settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("collapse")
    mode_collapse.main(small(out))
    return out


def test_what_it_leaves(finished):
    numbers = json.loads((finished / "result.json").read_text())["numbers"]
    assert list(numbers["rows"]) == [methods.METHODS[name].title for name in ("gan", "ours-modes")]
    for row in [*numbers["rows"].values(), numbers["real"]]:
        assert all(len(row[name]) == 2 for name in rows.SCORES)
    assert np.mean(numbers["real"]["high_quality"]) == pytest.approx(1 - np.exp(-4.5), abs=0.01)
    for name in ("strip.png", "curves.png", "moving.gif"):
        with Image.open(finished / name) as picture:
            assert min(picture.size) > 100


def test_a_row_that_is_kept_is_not_trained_again(finished, monkeypatch):
    monkeypatch.setattr(rows, "run", lambda *arguments: pytest.fail("trained again"))
    before = json.loads((finished / "result.json").read_text())["numbers"]
    mode_collapse.main(small(finished))
    assert json.loads((finished / "result.json").read_text())["numbers"] == before


@pytest.mark.parametrize(("setting", "value"), [("steps", 41), ("seeds", 3), ("seed", 1), ("data", "grid")])
def test_a_row_of_other_settings_is_refused(finished, setting, value):
    with pytest.raises(ValueError, match=f"was run with {setting} .*, not {value}"):
        mode_collapse.main(small(finished, **{setting: value}))


def test_a_file_that_is_no_row_is_refused_and_stays(tmp_path):
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "gan.npz").write_text("precious")
    with pytest.raises(ValueError, match="is no row of mode_collapse"):
        mode_collapse.main(small(tmp_path))
    assert (tmp_path / "rows" / "gan.npz").read_text() == "precious"


def test_what_is_kept_scores_as_it_was_scored(finished):
    """The first seed's samples at the end, from the file, against the numbers in it."""
    data = ring()
    row = rows.load(finished / "rows" / "gan.npz", {})
    assert row.samples.shape == (len(row.steps), rows.DRAWN, 2) and row.steps[-1] == 40
    found = metrics.mode_coverage(row.samples[-1], data.means, data.std)
    assert [row.scores[name][-1, 0] for name in ("modes", "high_quality", "kl")] == pytest.approx(list(found))


@pytest.mark.parametrize("data", [ring(), grid()], ids=["ring", "grid"])
@pytest.mark.parametrize("name", methods.METHODS)
def test_every_row_can_take_a_step(name, data):
    gan = methods.build(name, data, 10)
    _, measured = jax.eval_shape(
        lambda key: train.train(gan, train.init(gan, key), data.sample, key, 1), jax.random.key(0)
    )
    assert measured["loss_d"].shape == (1,)
    assert hash(gan) is not None


def test_rows_differ_from_the_plain_gan_in_what_they_say():
    plain = methods.build("gan", ring(), 10)
    for name in set(methods.METHODS) - {"gan", "no-momentum"}:
        gan = methods.build(name, ring(), 10)
        changed = {
            field for field in ("generator", "discriminator", "sample_noise", "batch", "k", "loss_g", "loss_d",
                                "penalties", "step_g", "step_d") if getattr(gan, field) != getattr(plain, field)
        }  # fmt: skip
        assert changed == CHANGES[name], name


CHANGES = {
    "saturating": {"loss_g"},
    "k5": {"k"},
    "packing-2": {"discriminator"},
    "packing-4": {"discriminator"},
    "pacgan": {"generator", "discriminator", "batch"},
    "minibatch": {"discriminator"},
    "unrolled-5": {"step_g"},
    "r1": {"penalties"},
    "relativistic": {"loss_g", "loss_d", "penalties"},
    "ours": {"loss_g", "loss_d", "penalties", "discriminator"},
    "ours-pieces": {"loss_g", "loss_d", "penalties", "discriminator", "sample_noise"},
    "ours-average": {"loss_g", "loss_d", "penalties", "discriminator", "sample_noise"},
    "ours-modes": {"loss_g", "loss_d", "penalties", "discriminator", "sample_noise"},
}


def test_a_row_on_fixed_samples_draws_from_those_alone(monkeypatch):
    monkeypatch.setitem(methods.METHODS, "few", dataclasses.replace(methods.METHODS["gan"], fixed=7))
    draw = methods.sampler("few", ring(), jax.random.key(0))
    seen = [{tuple(point) for point in np.asarray(draw(jax.random.key(i), 50)).tolist()} for i in range(2)]
    assert seen[0] == seen[1] and len(seen[0]) == 7
    fresh = methods.sampler("gan", ring(), jax.random.key(0))
    assert len(np.unique(fresh(jax.random.key(1), 50), axis=0)) == 50


def test_who_has_momentum_and_who_an_average():
    """Momentum shows in a step without a slope after one with a slope."""
    for name in set(methods.METHODS) - {"pacgan"}:
        gan = methods.build(name, ring(), 10)
        params = jnp.zeros(1)
        for optimizer in (gan.optimizer_g, gan.optimizer_d):
            _, state = optimizer.update(jnp.ones(1), optimizer.init(params), params)
            after, _ = optimizer.update(jnp.zeros(1), state, params)
            assert bool(after[0]) == (name != "no-momentum" and not name.startswith("ours")), name
        player = train.Player(params, {}, gan.optimizer_g.init(params))
        assert (remedies.averaged(player) is not player) == (name == "ours-average"), name


def test_a_kept_row_of_another_meaning_is_refused(finished, monkeypatch):
    renamed = dataclasses.replace(methods.METHODS["gan"], title="another GAN")
    monkeypatch.setitem(methods.METHODS, "gan", renamed)
    with pytest.raises(ValueError, match="was run with row GAN, not another GAN"):
        mode_collapse.main(small(finished))


def test_what_moves_is_collapse_beside_remedy():
    """By the median over seeds at the end, not by one seed or by the start."""
    kl = {"calm": [[2, 2, 2], [0.01, 0.01, 2]], "worst": [[0, 0, 0], [0.5, 0.6, 0]], "ours": [[1, 1, 1], [0.3] * 3]}
    finished = {
        name: rows.Row(np.array([0, 1]), {"kl": np.array(values)}, np.zeros((2, 1, 2)), 1.0)
        for name, values in kl.items()
    }
    assert list(mode_collapse.collapse_and_remedy(finished)) == ["worst", "ours"]


def test_a_g_that_has_gone_to_infinity_has_found_nothing():
    x = np.full((5, 2), np.nan)
    assert rows.scores(x, ring()) == {"modes": 0, "high_quality": 0.0, "kl": pytest.approx(np.log(8)), "spread": 0.0}


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 100, 20_000])
def test_moments_cover_the_run(steps):
    parts = rows.chunks(steps)
    assert sum(parts) == steps and len(parts) <= rows.MOMENTS and len({*parts}) <= 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"only": ("nonsense",)}, "only is 'nonsense'"),
        ({"only": ("gan", "gan")}, "each row once"),
        ({"only": ("gan",), "all": True}, "with --all it must be left out"),
        ({"seeds": 0}, "seeds is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"data": "cube"}, "data is 'cube'"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        mode_collapse.Config(**settings)


def test_help_names_every_row():
    source = inspect.getsource(mode_collapse.Config)
    assert all(re.search(rf"\b{name}[,.]", source) for name in methods.METHODS)


def test_all_is_every_row_with_ten_seeds():
    config = mode_collapse.Config(all=True)
    assert config.only == tuple(methods.METHODS) and config.seeds == 10
