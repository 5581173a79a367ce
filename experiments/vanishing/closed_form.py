"""Panels a and b of gradient_vanishing.py: what the two losses do where D is known, without any training."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_from_scratch import losses, theory

THETAS = np.linspace(0, 20, 41)
DRAWS = (20, 50_000)  # Monte-Carlo estimates of each gradient, and the draws in each


def losses_and_slopes(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Each loss and its slope in the logit, at each logit."""
    curves = {"logit": logits, "d_of_g": 1 / (1 + np.exp(-logits))}
    for name, loss in losses.GENERATOR_LOSSES.items():
        curves[f"{name}_loss"] = np.asarray(jnp.vectorize(loss)(logits))
        curves[f"{name}_slope"] = np.asarray(jnp.vectorize(jax.grad(loss))(logits))
    return curves


def gradients(seed: int) -> dict[str, np.ndarray]:
    """Gradients in theta at each of THETAS: of divergences, and of both losses with the optimal D put in."""
    rng = np.random.default_rng(seed)
    rows = []
    for theta in THETAS:
        row = {"theta": theta, **gradients_of_divergences(theta)}
        z = np.linspace(-12, 12, 6001)
        weight = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        for name in losses.GENERATOR_LOSSES:
            row[f"{name} exact"] = np.trapezoid(weight * pathwise(name, z, theta), z)
            row[f"{name} drawn"] = pathwise(name, rng.normal(size=DRAWS), theta).mean(axis=1)
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def gradients_of_divergences(theta: float) -> dict[str, float]:
    """d/dtheta of 2 JSD(p_data, p_g), of KL(p_g || p_data) and of KL - 2 JSD by quadrature over x, in nats.

    Only p_g depends on theta, with dp_g/dtheta = (x - theta) p_g, so d KL = integral of dp_g log(p_g / p_data) and
    d 2 JSD = integral of dp_g log(p_g / (p_data + p_g)); constants drop out because dp_g integrates to 0.
    The logarithms are taken from the optimal logits: theta = 20 asks for 2e-22, and p_g / (p_data + p_g) is 1 there.
    """
    x = np.linspace(-12, theta + 12, 8001)
    dp_g = (x - theta) * np.exp(-0.5 * (x - theta) ** 2) / np.sqrt(2 * np.pi)
    a = optimal_logits(x, theta)
    jsd_2, kl = np.trapezoid(dp_g * -np.logaddexp(0, a), x), np.trapezoid(dp_g * -a, x)
    return {"2 JSD": jsd_2, "KL": kl, "KL - 2 JSD": np.trapezoid(dp_g * np.logaddexp(0, -a), x)}


def optimal_logits(x: np.ndarray, theta: float) -> np.ndarray:
    """Those of the D that is optimal for N(0, 1) against N(theta, 1)."""
    return theory.optimal_logits(-0.5 * x**2, -0.5 * (x - theta) ** 2)


def pathwise(name: str, z: np.ndarray, theta: float) -> np.ndarray:
    """dL/dtheta on the sample G(z) = z + theta, for each z, with D frozen at the optimum for this theta.

    It is dL/da * da/dx * dx/dtheta, where da/dx = -theta is the slope of D's logit and dx/dtheta = 1.
    """
    with jax.enable_x64(True):
        slope = jnp.vectorize(jax.grad(losses.GENERATOR_LOSSES[name]))
        return np.asarray(slope(optimal_logits(z + theta, theta))) * -theta


def summary(closed: dict[str, np.ndarray]) -> dict:
    """How far Theorem 2.5 is met on (0, 6], and the gradients at some theta."""
    theta = closed["theta"]
    some = (theta > 0) & (theta <= 6)  # at 0 both sides are 0

    def off(loss: str, divergence: str) -> float:
        return float(np.max(np.abs(closed[loss][some] / closed[divergence][some] - 1)))

    drawn = [name for name in closed if name.endswith("drawn")]
    return {
        "largest_relative_error_saturating": off("saturating exact", "2 JSD"),
        "largest_relative_error_nonsaturating": off("nonsaturating exact", "KL - 2 JSD"),
        "at": [
            {name: float(np.mean(values[i])) for name, values in closed.items()}
            | {f"{name}, std of a mean": float(np.std(closed[name][i])) for name in drawn}
            for i in np.flatnonzero(np.isin(theta, (0, 1, 2, 4, 6, 10, 20)))
        ],
    }
