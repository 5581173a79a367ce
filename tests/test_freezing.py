"""Who moves in whose step, framework by framework: each row of the README's table on freezing is one test here."""

import copy

import jax
import numpy as np
import optax
import pytest

from experiments import frozen_players
from gan_from_scratch import networks, train
from gan_from_scratch.distributions import Uniform

GAN = train.GAN(
    networks.Generator((6,)),
    networks.Discriminator((6, 6), batch_norm=True),
    optax.adam(1e-2),
    optax.adam(1e-2),
    Uniform(-1.0, 1.0).sample,
    batch=12,
)
X = np.linspace(2, 6, GAN.batch, dtype=np.float32)[:, None]  # data
KEY = jax.random.key(7)


@pytest.fixture
def played():
    """The state of GAN and noise."""
    return train.init(GAN, KEY), GAN.sample_noise(KEY, GAN.batch)


def moved(before, after) -> bool:
    """Does any entry of the two trees differ?"""
    return any(np.asarray(a).tobytes() != np.asarray(b).tobytes() for a, b in
               zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True))  # fmt: skip


def test_jax_differentiated_argument(played):
    """What train.py does: G's loss differentiated in G's parameters, D's new statistics dropped."""
    state, z = played
    after = frozen_players.algorithm_1(GAN, state, X, z, KEY)
    assert moved(state.g.params, after.g.params) and not moved(state.d, after.d)


def test_jax_both_arguments(played):
    """The run `unfrozen` of frozen_players.py."""
    state, z = played
    after = frozen_players.unfrozen(GAN, state, X, z, KEY)
    assert moved(state.g.params, after.g.params) and moved(state.d.params, after.d.params)
    assert not moved(state.d.stats, after.d.stats)


def test_jax_statistics_kept(played):
    """The run `drifting` of frozen_players.py. G steps as with a D that is frozen altogether."""
    state, z = played
    after = frozen_players.drifting(GAN, state, X, z, KEY)
    assert not moved(state.d.params, after.d.params) and moved(state.d.stats, after.d.stats)
    assert not moved(frozen_players.algorithm_1(GAN, state, X, z, KEY).g, after.g)


def loss_with(state, z, of_d=lambda params: params, of_fake=lambda x: x):
    """G's loss as a function of both players' parameters, with something done to D's or to the fakes on the way."""

    def loss(params_g, params_d):
        fake = of_fake(GAN.generator.apply({"params": params_g}, z, train=True))
        variables = {"params": of_d(params_d), **state.d.stats}
        judged, _ = GAN.discriminator.apply(variables, fake, train=True, mutable=["batch_stats"])
        return jax.nn.softplus(-judged).mean()

    return jax.grad(loss, argnums=(0, 1))(state.g.params, state.d.params)


def test_jax_stop_gradient_on_the_discriminators_parameters(played):
    """D's gradient is zero. A plain step then leaves D; one by Adam, which remembers D's last gradient, does not."""
    state, z = played
    of_g, of_d = loss_with(state, z, of_d=jax.lax.stop_gradient)
    assert optax.tree.norm(of_g) > 0 and optax.tree.norm(of_d) == 0
    _, learned_before = loss_with(state, z)
    for optimizer, moves in ((optax.sgd(0.1), False), (optax.adam(0.1), True)):
        _, remembered = optimizer.update(learned_before, optimizer.init(state.d.params), state.d.params)
        updates, _ = optimizer.update(of_d, remembered, state.d.params)
        assert moved(state.d.params, optax.apply_updates(state.d.params, updates)) == moves


def test_jax_stop_gradient_on_the_fakes(played):
    """Nothing is left for G to learn from."""
    of_g, of_d = loss_with(*played, of_fake=jax.lax.stop_gradient)
    assert optax.tree.norm(of_g) == 0 and optax.tree.norm(of_d) > 0


def updates_of(optimizer, state, z):
    """What a step on both players' parameters in one tree adds to each, and each one's gradient."""
    both = {"g": state.g.params, "d": state.d.params}
    gradient = dict(zip(both, loss_with(state, z), strict=True))
    return optimizer.update(gradient, optimizer.init(both), both)[0], gradient


def test_optax_masked(played):
    """What the mask leaves out is not frozen: its raw gradient is added, so D even climbs G's loss."""
    updates, gradient = updates_of(optax.masked(optax.sgd(0.1), {"g": True, "d": False}), *played)
    assert moved(updates["g"], gradient["g"]) and optax.tree.norm(updates["g"]) > 0
    assert not moved(updates["d"], gradient["d"]) and optax.tree.norm(updates["d"]) > 0


def test_optax_set_to_zero(played):
    rules = {"learn": optax.sgd(0.1), "freeze": optax.set_to_zero()}
    updates, _ = updates_of(optax.multi_transform(rules, {"g": "learn", "d": "freeze"}), *played)
    assert optax.tree.norm(updates["g"]) > 0 and optax.tree.norm(updates["d"]) == 0


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def torch_players(torch):
    """G and D with BatchNorm, an optimizer for each, and noise."""
    torch.manual_seed(0)
    g = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    d = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    return g, d, torch.optim.SGD(g.parameters(), 0.1), torch.optim.SGD(d.parameters(), 0.1), torch.randn(16, 2)


class Watch:
    """Which of a torch module's parameters and statistics differ from those at the time of this object's making."""

    def __init__(self, module):
        self.module, self.before = module, copy.deepcopy(module)

    def parameters(self) -> bool:
        return any((a != b).any() for a, b in zip(self.before.parameters(), self.module.parameters(), strict=True))

    def statistics(self) -> bool:
        return any((a != b).any() for a, b in zip(self.before.buffers(), self.module.buffers(), strict=True))

    def has_gradient(self) -> bool:
        return any(p.grad is not None and (p.grad != 0).any() for p in self.module.parameters())


def generator_loss(torch, judged):
    return torch.nn.functional.softplus(-judged).mean()


def test_torch_without_detach(torch, torch_players):
    """G's step: the optimizer moves G alone, but D keeps a gradient that its next step must throw away."""
    g, d, optimizer_g, optimizer_d, z = torch_players
    of_g, of_d = Watch(g), Watch(d)
    generator_loss(torch, d(g(z))).backward()
    optimizer_g.step()
    assert of_g.parameters() and not of_d.parameters() and of_d.statistics() and of_d.has_gradient()
    optimizer_d.step()
    assert of_d.parameters(), "without zero_grad() D steps along G's loss"


def test_torch_detach_in_the_discriminators_step(torch, torch_players):
    """D learns and G gets no gradient, but making the fakes moves G's statistics."""
    g, d, _, optimizer_d, z = torch_players
    of_g, of_d = Watch(g), Watch(d)
    torch.nn.functional.softplus(d(g(z).detach())).mean().backward()
    optimizer_d.step()
    assert of_d.parameters() and not of_g.parameters() and not of_g.has_gradient()
    assert of_g.statistics() and of_d.statistics()


def test_torch_detach_in_the_generators_step(torch, torch_players):
    """Detaching the fakes here leaves nothing for G to learn from: only D gets a gradient."""
    g, d, optimizer_g, _, z = torch_players
    of_g, of_d = Watch(g), Watch(d)
    generator_loss(torch, d(g(z).detach())).backward()
    optimizer_g.step()
    assert not of_g.parameters() and of_d.has_gradient() and of_d.statistics()


def test_torch_requires_grad_false(torch, torch_players):
    """D is passed through and gets no gradient; its statistics move all the same."""
    g, d, optimizer_g, optimizer_d, z = torch_players
    of_g, of_d = Watch(g), Watch(d)
    d.requires_grad_(False)
    generator_loss(torch, d(g(z))).backward()
    optimizer_g.step()
    optimizer_d.step()
    assert of_g.parameters() and not of_d.parameters() and not of_d.has_gradient() and of_d.statistics()


def test_torch_one_optimizer_for_both(torch, torch_players):
    """The run `unfrozen` of frozen_players.py."""
    g, d, _, _, z = torch_players
    of_g, of_d = Watch(g), Watch(d)
    both = torch.optim.SGD([*g.parameters(), *d.parameters()], 0.1)
    generator_loss(torch, d(g(z))).backward()
    both.step()
    assert of_g.parameters() and of_d.parameters() and of_d.statistics()


@pytest.fixture
def keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras")


@pytest.fixture
def keras_players(keras):
    """G, a compiled D with BatchNorm, noise and data."""
    keras.utils.set_random_seed(0)
    g = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    d = keras.Sequential(
        [
            keras.layers.Input((1,)),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.LeakyReLU(),
            keras.layers.Dense(1),
        ]
    )
    d.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    return g, d, rng.normal(size=(16, 2)), rng.normal(size=(16, 1))


def values(player):
    return [np.array(weight.value) for weight in player.weights]


def step_of_the_stack(keras, g, d, z):
    """Compile G and D as one model and fit it once to 'real'; who moved?"""
    stack = keras.Sequential([g, d])
    stack.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    before = [values(player) for player in (g, d)]
    stack.train_on_batch(z, np.ones((len(z), 1)))
    return [
        {w.name for w, old, new in zip(player.weights, olds, values(player), strict=True) if (new != old).any()}
        for player, olds in zip((g, d), before, strict=True)
    ]


def test_keras_trainable_true(keras, keras_players):
    """The stack as it is: G's loss moves D and D's statistics."""
    g, d, z, _ = keras_players
    of_g, of_d = step_of_the_stack(keras, g, d, z)
    assert of_g and {"kernel", "moving_mean"} <= of_d


def test_keras_trainable_false(keras, keras_players):
    """D stays altogether: Keras runs a frozen BatchNorm on its running statistics, unlike PyTorch."""
    g, d, z, _ = keras_players
    d.trainable = False
    of_g, of_d = step_of_the_stack(keras, g, d, z)
    assert of_g and not of_d


def test_keras_trainable_false_after_compiling_the_discriminator(keras, keras_players):
    """Chollet's recipe of 2017. With Keras 3 D is frozen for good: it does not learn in its own step either."""
    g, d, z, x = keras_players
    d.trainable = False
    step_of_the_stack(keras, g, d, z)
    before = values(d)
    d.train_on_batch(x, np.ones((len(x), 1)))
    assert all((new == old).all() for new, old in zip(values(d), before, strict=True))
