"""The paper's GAN in PyTorch, as benchmark times it, makes the same steps as ours from the same weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.image_runs import goodfellow, images
from experiments.image_runs.goodfellow import PaperTraining
from experiments.timing.images import of_the_paper
from gan_from_scratch import data, train

torch = pytest.importorskip("torch")

DIGITS, _ = data.synthetic("mnist", 60)
SMALL = PaperTraining(width_g=6, width_d=4, pieces=3, noise_dim=5, batch=10, dropout=False, average=0.0)


def copied(params, module):
    """The weights of a Flax player, in the order in which the PyTorch one lists its layers."""
    layers = [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
    ours = (params["layer_0"], params["layer_1"], params.get("pixels", params.get("judge")))
    with torch.no_grad():
        for layer, mine in zip(layers, ours, strict=True):
            mine = mine.get("maps", mine)
            layer.weight.copy_(torch.tensor(np.asarray(mine["kernel"]).T))
            layer.bias.copy_(torch.tensor(np.asarray(mine["bias"])))
    return [value for layer in layers for value in (layer.weight, layer.bias)]


def leaves_of(params):
    layers = (params["layer_0"], params["layer_1"], params.get("pixels", params.get("judge")))
    return [np.asarray(leaf) for layer in layers for leaf in (layer.get("maps", layer)["kernel"].T,
                                                              layer.get("maps", layer)["bias"])]  # fmt: skip


def test_three_steps_are_the_same():
    from experiments.timing import torch_goodfellow

    gan = goodfellow.build(SMALL, DIGITS)
    state = train.init(gan, jax.random.key(0))
    # Weights that are not tiny, so that the steps are far above float32's rounding; biases stay.
    grown = lambda player, factor: player._replace(  # noqa: E731
        params=jax.tree.map(lambda w: factor * w if w.ndim > 1 else w, player.params)
    )
    state = state._replace(g=grown(state.g, 4), d=grown(state.d, 60))
    g, d = torch_goodfellow.generator(5, 6, 784), torch_goodfellow.discriminator(784, 4, 3, dropout=False)
    theirs = [copied(player.params, module) for player, module in ((state.g, g), (state.d, d))]
    rates = ((g, SMALL.rate_g), (d, SMALL.rate_d))
    optimizers = [torch.optim.SGD(module.parameters(), rate, goodfellow.MOMENTUM) for module, rate in rates]
    before = leaves_of(state.g.params) + leaves_of(state.d.params)
    for i in range(3):
        x = images.to_unit(jnp.asarray(DIGITS[10 * i : 10 * i + 10]))
        z = gan.sample_noise(jax.random.key(i), 10)
        state, _ = goodfellow.both_steps(gan, state, x, z, jax.random.key(9))
        pixels = torch.tensor(np.asarray(x + 1).reshape(10, -1) / 2)
        torch_goodfellow.both_steps(g, d, optimizers, pixels, torch.tensor(np.asarray(z)))
    ours = leaves_of(state.g.params) + leaves_of(state.d.params)
    for mine, other, old in zip(ours, theirs[0] + theirs[1], before, strict=True):
        step, their_step = mine - old, other.detach().numpy() - old
        assert np.abs(step).max() > 1e-5
        # 1e-6: float32 at weights and logits of up to 16; of steps a thousandth: momentum rises in ours by 1e-4 a step.
        np.testing.assert_allclose(step, their_step, rtol=2e-3, atol=1e-3 * np.abs(step).max() + 2e-6)


def test_benchmark_runs_both_on_the_paper_s_sizes():
    found = of_the_paper(seed=0, compiled=False)
    assert list(found) == ["JAX", "PyTorch, eager"]
    for contender in found.values():
        contender.run(contender.chunk)
