"""The whole GAN by hand: forward, backward, Adam and Algorithm 1, in NumPy and nothing else.

A network is a list of layers (W, b) with W of shape (fan_in, fan_out). On a batch with one row a sample,

    h = y W + b        y is the layer's input, h its pre-activation
    y' = phi(h)        the next layer's input; the last layer has no phi

Write d_q for the gradient of the scalar loss with respect to q. The chain rule runs those two lines backwards:

    d_h = d_y' * phi'(h)
    d_W = y^T d_h      d_b = column sums of d_h      d_y = d_h W^T

That is all of back-propagation here; everything else is bookkeeping. Arrays are float64. Nothing is changed in
place: each function returns new arrays. G uses tanh and D a leaky ReLU, as in networks.py, and the tests hold every
gradient to central differences and to jax.grad, and whole trajectories to train.py.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gan_from_scratch import check
from gan_from_scratch.layers import LEAK

Params = list[tuple[Float[np.ndarray, "_ _"], Float[np.ndarray, " _"]]]
Batch = Float[np.ndarray, "batch _"]
Logits = Float[np.ndarray, " batch"]


# ---- activations: phi and phi' --------------------------------------------------------------------------------------


def tanh(h):
    return np.tanh(h)


def tanh_slope(h):
    return 1 - np.tanh(h) ** 2


def leaky_relu(h):
    return np.where(h > 0, h, LEAK * h)


def leaky_relu_slope(h):
    return np.where(h > 0, 1.0, LEAK)


SLOPES = {tanh: tanh_slope, leaky_relu: leaky_relu_slope}
Activation = Callable[[np.ndarray], np.ndarray]


# ---- a multilayer perceptron, forward and backward ------------------------------------------------------------------


def init_mlp(rng: np.random.Generator, widths: Sequence[int]) -> Params:
    """Random layers of widths[0] -> widths[1] -> ...: W ~ N(0, 1 / fan_in), b ~ U(-2, 2) / sqrt(fan_in), last b = 0.

    The spread of the biases puts the bends of a first layer over all of the data (networks.py says more).
    """
    params = []
    for fan_in, fan_out in itertools.pairwise(widths):
        w = rng.normal(size=(fan_in, fan_out)) / np.sqrt(fan_in)
        b = rng.uniform(-2, 2, size=fan_out) / np.sqrt(fan_in)
        params.append((w, b))
    w, b = params[-1]
    return [*params[:-1], (w, 0 * b)]


def forward(params: Params, x: Batch, phi: Activation) -> tuple[Batch, list[tuple[Batch, Batch]]]:
    """The network's output, and for each layer the pair (y, h) that `backward` needs."""
    y, trace = x, []
    for w, b in params[:-1]:
        h = y @ w + b
        trace.append((y, h))
        y = phi(h)
    w, b = params[-1]
    h = y @ w + b
    trace.append((y, h))
    return h, trace


def backward(params: Params, trace: list[tuple[Batch, Batch]], phi: Activation, d_out: Batch) -> tuple[Params, Batch]:
    """From d_out, the loss's gradient at the output: its gradients at every W and b, and at the network's input."""
    slope = SLOPES[phi]
    gradient = []
    d_h = d_out  # forward: out = h in the last layer
    for layer in reversed(range(len(params))):
        (w, _), (y, _) = params[layer], trace[layer]
        d_w = y.T @ d_h  # forward: h = y W + b
        d_b = d_h.sum(axis=0)
        d_y = d_h @ w.T
        gradient.insert(0, (d_w, d_b))
        if layer > 0:
            _, h_below = trace[layer - 1]
            d_h = d_y * slope(h_below)  # forward: y = phi(h_below)
    return gradient, d_y


# ---- the losses and their slopes with respect to the logits ---------------------------------------------------------


def softplus(a):
    """log(1 + e^a) without overflow."""
    return np.logaddexp(0, a)


def sigmoid(a):
    """1 / (1 + e^-a) without overflow: e^(-softplus(-a)), since log sigmoid(a) = -softplus(-a)."""
    return np.exp(-softplus(-a))


def discriminator_loss(logits_real: Logits, logits_fake: Logits) -> tuple[float, Logits, Logits]:
    """-V(D, G) = mean softplus(-a) on data + mean softplus(a) on fakes (eq. 1), and its slopes in both logits."""
    loss = softplus(-logits_real).mean() + softplus(logits_fake).mean()
    d_real = -sigmoid(-logits_real) / logits_real.size  # softplus(-a)' = -sigmoid(-a)
    d_fake = sigmoid(logits_fake) / logits_fake.size  # softplus(a)' = sigmoid(a)
    return loss, d_real, d_fake


def generator_loss_saturating(logits_fake: Logits) -> tuple[float, Logits]:
    """E log(1 - D(G(z))) = mean of -softplus(a) (eq. 1), and its slope: it dies as a -> -inf, where D wins."""
    return -softplus(logits_fake).mean(), -sigmoid(logits_fake) / logits_fake.size


def generator_loss_nonsaturating(logits_fake: Logits) -> tuple[float, Logits]:
    """-E log D(G(z)) = mean of softplus(-a) (section 3), and its slope: it tends to -1 as a -> -inf."""
    return softplus(-logits_fake).mean(), -sigmoid(-logits_fake) / logits_fake.size


GENERATOR_LOSSES = {"saturating": generator_loss_saturating, "nonsaturating": generator_loss_nonsaturating}


# ---- the players' gradients -----------------------------------------------------------------------------------------


class Units(NamedTuple):
    """The data's mean and standard deviation, in which both networks work: x = center + scale * mlp_g(z)."""

    center: float = 0.0
    scale: float = 1.0


def generate(params_g: Params, z: Batch, units: Units) -> Batch:
    """x = G(z)."""
    out, _ = forward(params_g, z, tanh)
    return units.center + units.scale * out


def discriminate(params_d: Params, x: Batch, units: Units) -> Logits:
    """The logits a of D(x) = sigmoid(a)."""
    out, _ = forward(params_d, (x - units.center) / units.scale, leaky_relu)
    return out[:, 0]


def discriminator_gradient(
    params_d: Params, params_g: Params, x: Batch, z: Batch, units: Units, r1: float = 0.0
) -> tuple[Params, float]:
    """The gradient of D's loss (plus r1 times the R1 penalty) in params_d with G frozen, and the loss alone."""
    real = (x - units.center) / units.scale
    fake = (generate(params_g, z, units) - units.center) / units.scale

    out_real, trace_real = forward(params_d, real, leaky_relu)
    out_fake, trace_fake = forward(params_d, fake, leaky_relu)
    loss, d_real, d_fake = discriminator_loss(out_real[:, 0], out_fake[:, 0])

    from_fake, _ = backward(params_d, trace_fake, leaky_relu, d_fake[:, None])
    from_real, _ = backward(params_d, trace_real, leaky_relu, d_real[:, None])
    gradient = _add(from_real, from_fake)
    if r1:
        gradient = _add(gradient, r1_gradient(params_d, trace_real, r1 / units.scale**2))
    return gradient, loss


def generator_gradient(
    params_g: Params, params_d: Params, z: Batch, units: Units, loss: str = "nonsaturating"
) -> tuple[Params, float]:
    """The gradient of G's loss in params_g with D frozen, and the loss.

    It passes through D, and `backward` computes D's gradient in its own parameters on the way. Nothing needs that one:
    one `backward` for both players is a convenience, and not what freezing means. `units` cancels, because D undoes
    the scaling that G did.
    """
    out, trace_g = forward(params_g, z, tanh)
    logits, trace_d = forward(params_d, out, leaky_relu)
    loss_g, d_logits = GENERATOR_LOSSES[loss](logits[:, 0])

    _, d_out = backward(params_d, trace_d, leaky_relu, d_logits[:, None])
    gradient, _ = backward(params_g, trace_g, tanh, d_out)
    return gradient, loss_g


def r1_gradient(params: Params, trace: list[tuple[Batch, Batch]], gamma: float) -> Params:
    """The gradient in D's parameters of gamma/2 mean ||s||^2, where s = grad_x a(x) (Mescheder et al. 2018, eq. 9).

    For one sample, with m_l = phi'(h_l) the mask of layer l, back-propagation computes the slope s as

        v_L = 1,    v_(l-1) = (W_l v_l) * m_(l-1),    s = W_1 v_1.

    A leaky ReLU has phi'' = 0, so the masks are constants here, s is linear in each W_l, and no b appears in it.
    So back-propagating through back-propagation is a forward pass again: started at u_0 = gamma s / batch, which
    is the penalty's gradient at s,

        u_l = (u_(l-1) W_l) * m_l,    d_(W_l) = sum over samples of u_(l-1) v_l^T.
    """
    masks = [leaky_relu_slope(h) for _, h in trace[:-1]]
    v = [np.ones_like(trace[-1][1])]
    for (w, _), mask in zip(params[:0:-1], masks[::-1], strict=True):
        v.insert(0, (v[0] @ w.T) * mask)
    slope = v[0] @ params[0][0].T

    u, gradient = gamma * slope / len(slope), []
    for layer, (w, b) in enumerate(params):
        gradient.append((u.T @ v[layer], np.zeros_like(b)))
        if layer < len(masks):
            u = (u @ w) * masks[layer]
    return gradient


def _add(first: Params, second: Params) -> Params:
    return [(w1 + w2, b1 + b2) for (w1, b1), (w2, b2) in zip(first, second, strict=True)]


# ---- Adam -----------------------------------------------------------------------------------------------------------


class Adam(NamedTuple):
    """Kingma & Ba 2015, Algorithm 1: the running mean of the gradient and of its square, and the steps so far."""

    mean: Params
    square: Params
    count: int


def adam_init(params: Params) -> Adam:
    zeros = [(0 * w, 0 * b) for w, b in params]
    return Adam(zeros, zeros, 0)


def adam_step(
    params: Params, gradient: Params, state: Adam, rate: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> tuple[Params, Adam]:
    """theta <- theta - rate * m / (sqrt(v) + eps), m and v the running means freed of their start at zero."""
    count = state.count + 1

    def each(function, *trees):
        return [tuple(function(*leaves) for leaves in zip(*layers, strict=True)) for layers in zip(*trees, strict=True)]

    mean = each(lambda m, g: b1 * m + (1 - b1) * g, state.mean, gradient)
    square = each(lambda v, g: b2 * v + (1 - b2) * g**2, state.square, gradient)
    moved = each(
        lambda p, m, v: p - rate * (m / (1 - b1**count)) / (np.sqrt(v / (1 - b2**count)) + eps), params, mean, square
    )
    return moved, Adam(mean, square, count)


# ---- Algorithm 1 ----------------------------------------------------------------------------------------------------


class Settings(NamedTuple):
    """What stays constant in training; the defaults are the paper's algorithm with nothing added."""

    rate_g: Callable[[int], float]  # learning rate as a function of the optimizer's steps so far
    rate_d: Callable[[int], float]
    b1: float = 0.9
    b2: float = 0.999
    loss: str = "nonsaturating"
    r1: float = 0.0
    average: float = 0.0  # memory of the running average of G's parameters; 0 keeps the newest
    units: Units = Units()


class State(NamedTuple):
    """What training changes. `average_g` is the running average of params_g (remedies.average_parameters)."""

    params_g: Params
    params_d: Params
    adam_g: Adam
    adam_d: Adam
    average_g: Params
    step: int


def init(params_g: Params, params_d: Params) -> State:
    return State(params_g, params_d, adam_init(params_g), adam_init(params_d), params_g, 0)


def train_step(
    settings: Settings,
    state: State,
    data: Float[np.ndarray, "k batch _"],
    noise_d: Float[np.ndarray, "k batch _"],
    noise_g: Batch,
) -> tuple[State, dict[str, float]]:
    """Algorithm 1, once: a step of D on each of k pairs of a data batch and a noise batch, then one of G."""
    if len(data) == 0 or len(data) != len(noise_d):
        raise ValueError(f"data has {len(data)} batches and noise_d {len(noise_d)}, but both must have the same k >= 1")
    check.all_finite("data", data)
    s = settings
    params_d, adam_d = state.params_d, state.adam_d
    for x, z in zip(data, noise_d, strict=True):
        gradient, loss_d = discriminator_gradient(params_d, state.params_g, x, z, s.units, s.r1)
        params_d, adam_d = adam_step(params_d, gradient, adam_d, s.rate_d(adam_d.count), s.b1, s.b2)

    gradient, loss_g = generator_gradient(state.params_g, params_d, noise_g, s.units, s.loss)
    rate_g = s.rate_g(state.adam_g.count)
    params_g, adam_g = adam_step(state.params_g, gradient, state.adam_g, rate_g, s.b1, s.b2)

    memory = min(s.average, (1 + state.step) / (10 + state.step))  # forgets the random start quickly
    average_g = [
        (memory * w_old + (1 - memory) * w, memory * b_old + (1 - memory) * b)
        for (w_old, b_old), (w, b) in zip(state.average_g, params_g, strict=True)
    ]
    return State(params_g, params_d, adam_g, adam_d, average_g, state.step + 1), {"loss_d": loss_d, "loss_g": loss_g}
