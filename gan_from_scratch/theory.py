"""The optimal discriminator and what the game minimises, on densities (Goodfellow et al. 2014, section 4).

A density is an array of its values; `x` is the increasing grid at which they were taken. Integrals are by the
trapezoid rule, so the grid should reach where both densities have died out. All results are in nats.

NumPy arrays are computed in NumPy at their own precision (float64 as a rule). As soon as one argument is a JAX
array the computation is JAX's, and so can be differentiated.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float, Shaped

from gan_from_scratch import check


def optimal_discriminator(p_data: Float[ArrayLike, "..."], p_g: Float[ArrayLike, "..."]) -> Float[ArrayLike, "..."]:
    """D*(x) = p_data(x) / (p_data(x) + p_g(x)), elementwise. Goodfellow et al. 2014, Proposition 1, eq. (2).

    Where both densities are zero V does not depend on D; there D* is given as 1/2, the value of "cannot tell".
    """
    xp, p_data, p_g = _densities(p_data=p_data, p_g=p_g)
    total = p_data + p_g
    somewhere = total > 0
    return xp.where(somewhere, p_data / xp.where(somewhere, total, 1), 0.5)


def optimal_logits(log_p_data: Float[ArrayLike, "..."], log_p_g: Float[ArrayLike, "..."]) -> Float[ArrayLike, "..."]:
    """log p_data(x) - log p_g(x), elementwise: the logit of D*, exact also where both densities underflow."""
    check.same_shape(log_p_data=log_p_data, log_p_g=log_p_g)
    return log_p_data - log_p_g


def kl_divergence(
    p: Float[ArrayLike, " n"], q: Float[ArrayLike, " n"], x: Float[ArrayLike, " n"]
) -> Float[ArrayLike, ""]:
    """KL(p || q) = integral of p log(p / q); infinite where q vanishes and p does not."""
    xp, p, q, x = _densities(p=p, q=q, x=x)
    return xp.trapezoid(_p_log_ratio(xp, p, q), x)


def js_divergence(
    p: Float[ArrayLike, " n"], q: Float[ArrayLike, " n"], x: Float[ArrayLike, " n"]
) -> Float[ArrayLike, ""]:
    """JSD(p, q) = KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2: from 0 (equal) to log 2 (disjoint)."""
    xp, p, q, x = _densities(p=p, q=q, x=x)
    # log(p / m) = log(p / (p + q)) + log 2. Halving first would underflow: a p of 5e-324 would meet an m of 0.
    to_middle = _p_log_ratio(xp, p, p + q) + _p_log_ratio(xp, q, p + q) + (p + q) * math.log(2)
    return xp.trapezoid(to_middle, x) / 2


def criterion(
    p_data: Float[ArrayLike, " n"], p_g: Float[ArrayLike, " n"], x: Float[ArrayLike, " n"]
) -> Float[ArrayLike, ""]:
    """C(G) = max_D V(D, G) = E_data[log D*] + E_g[log(1 - D*)]. Goodfellow et al. 2014, eq. (4).

    It is computed as written. That it equals -log 4 + 2 JSD(p_data, p_g) is Theorem 1, and a test; so it is
    -log 4 where p_g = p_data, and 0 where the two never meet.
    """
    xp, p_data, p_g, x = _densities(p_data=p_data, p_g=p_g, x=x)
    total = p_data + p_g
    return xp.trapezoid(_p_log_ratio(xp, p_data, total) + _p_log_ratio(xp, p_g, total), x)


def _p_log_ratio(xp, p: Float[ArrayLike, " n"], q: Float[ArrayLike, " n"]) -> Float[ArrayLike, " n"]:
    """p log(p / q) with its limit 0 where p = 0. The inner `where` keeps log(0), and its gradient, from being taken."""
    here, there = p > 0, q > 0
    # log p - log q, not log(p / q): the ratio of two tiny densities can overflow.
    log_ratio = xp.log(xp.where(here, p, 1)) - xp.log(xp.where(there, q, 1))
    return xp.where(here, xp.where(there, p * log_ratio, xp.inf), 0)


def _densities(**arrays: Shaped[ArrayLike, "..."]):
    """The array namespace that the arguments share, then the arguments in it, checked."""
    xp = jnp if any(isinstance(array, jax.Array) for array in arrays.values()) else np
    check.same_shape(**arrays)
    for name, array in arrays.items():
        if isinstance(array, jax.core.Tracer):
            continue  # being differentiated or compiled: its numbers are not known yet
        check.all_finite(name, array)
        if name == "x":
            if np.ndim(array) != 1 or np.size(array) < 2 or np.any(np.diff(array) <= 0):
                raise ValueError("x is not an increasing one-dimensional grid of at least two points")
        elif np.any(np.asarray(array) < 0):
            raise ValueError(f"{name} holds {np.min(array)}, but a density must not be negative")
    return xp, *(xp.asarray(array) for array in arrays.values())
