"""The value V(D, G) of the game and what each player minimises, as functions of D's logits.

D's network returns a logit a, and the probability that D gives to "x is data" is D(x) = sigmoid(a). Then

    log D       = log sigmoid(a)  = -softplus(-a)
    log (1 - D) = log sigmoid(-a) = -softplus(a),         softplus(a) = log(1 + e^a).

Both are finite with a finite slope for every finite a, so no logarithm here needs an epsilon. With one,
log(D + 1e-8) has slope zero in a far below a = log 1e-8: the loss that is meant not to saturate would.

On one fake with logit a the two generator losses and their slopes are

    saturating       L_s = -softplus(a)      dL_s/da = -sigmoid(a)          -> 0 as a -> -inf: D wins, G stops learning
    non-saturating   L_n =  softplus(-a)     dL_n/da = -(1 - sigmoid(a))    -> -1: D wins, G still learns

Both slopes are negative: both losses ask for a larger logit, and dL_n/da = e^(-a) dL_s/da says that they differ
in the weight of each sample and in nothing else. Because softplus(-a) = softplus(a) - a,

    L_n = E[-a] - L_s.

At the optimal D the gradient of L_s is that of 2 JSD(p_data, p_g) and the gradient of E[-a] is that of
KL(p_g || p_data), so L_n pulls by a reverse KL and pushes away by the JSD (Arjovsky & Bottou 2017, Theorem 2.5).
tests/test_losses.py and tests/test_theory.py hold the code to each of these lines.
"""

import jax.numpy as jnp
from jax import Array
from jax.nn import softplus
from jax.typing import ArrayLike
from jaxtyping import Float


def value(logits_real: Float[ArrayLike, "..."], logits_fake: Float[ArrayLike, "..."]) -> Float[Array, ""]:
    """V(D, G) = E_x[log D(x)] + E_z[log(1 - D(G(z)))], in nats. Goodfellow et al. 2014, eq. (1).

    D maximises it, and G minimises it through its second term. It is -2 log 2 where D = 1/2 everywhere and never
    above 0. Each expectation is the mean over its own batch, so the batches may differ in size.
    """
    return jnp.mean(-softplus(-logits_real)) + jnp.mean(-softplus(logits_fake))


def discriminator_loss(logits_real: Float[ArrayLike, "..."], logits_fake: Float[ArrayLike, "..."]) -> Float[Array, ""]:
    """-V(D, G), which D minimises, in nats: 2 log 2 = 1.386 where D cannot tell, 0 where D is sure and right."""
    return -value(logits_real, logits_fake)


def generator_loss_saturating(
    logits_fake: Float[ArrayLike, "..."], logits_real: Float[ArrayLike, "..."] | None = None
) -> Float[Array, ""]:
    """E_z[log(1 - D(G(z)))], in nats: the minimax loss of Goodfellow et al. 2014, eq. (1). It is -log 2 at D = 1/2.

    Neither loss of G looks at `logits_real`, which other losses in this seat of train.GAN do.
    """
    return jnp.mean(-softplus(logits_fake))


def generator_loss_nonsaturating(
    logits_fake: Float[ArrayLike, "..."], logits_real: Float[ArrayLike, "..."] | None = None
) -> Float[Array, ""]:
    """-E_z[log D(G(z))], in nats: the loss of Goodfellow et al. 2014, section 3. It is log 2 at D = 1/2."""
    return jnp.mean(softplus(-logits_fake))


# The names under which a command line or a caller picks one.
GENERATOR_LOSSES = {"saturating": generator_loss_saturating, "nonsaturating": generator_loss_nonsaturating}
