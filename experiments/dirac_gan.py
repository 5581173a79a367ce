"""The smallest GANs: which update rule arrives, as the eigenvalues foretell (by default about 4 minutes).

Writes dirac_gan.png (field and trajectories, the methods side by side), dirac_gan.gif (the same, moving),
small_games.png (f = x y, and Nagarajan & Kolter's example), gan_eigenvalues.png (those of the 1-D GAN's Jacobian
near its end) and result.json.
"""

import time
from cmath import sqrt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.memory import check_training, refuse
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import finite_or_none, save_figure, save_result
from experiments.gan_1d.build import build, even_levels
from experiments.gan_1d.settings import Settings
from experiments.pictures import dirac as pictures
from gan_from_scratch import check, dynamics, metrics, numpy_gan, train
from gan_from_scratch.dynamics import Point

EQUILIBRIUM = Point(0.0, 0.0)
STARTS = Point(jnp.array([1.5, 0.0, -0.3]), jnp.array([0.0, -0.8, 0.3]))
R1 = 1.0  # its critical value: the pair of eigenvalues stops turning, and no other gamma arrives sooner
NOISE = 1.0
CONSENSUS = 1.0
NK_EQUILIBRIUM, NK_STARTS = Point(1.0, 0.0), Point(jnp.array([0.5, 1.4]), jnp.array([0.5, -0.8]))
PATHS = 32  # ways that are kept in full, of all methods and starts together, and copies of them
# Loss and weight of R1 of the 1-D GANs; the weight is goodfellow_1d's.
GANS = [(loss, r1) for r1 in (0.0, Settings.r1) for loss in ("saturating", "nonsaturating")]
WRITES = ("dirac_gan.png", "dirac_gan.gif", "small_games.png", "gan_eigenvalues.png", "result.json")
QUANTILES = 500  # evenly spaced ones stand for p_data and p_z where the 1-D GAN's Jacobian is taken


@dataclass(frozen=True)
class Config:
    """The games on two numbers have no randomness; the seed is the 1-D GAN's."""

    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/dirac_gan")
    """Folder for the results."""
    h: float = 0.2
    """Step size of every method on the games of two numbers."""
    steps: int = 500
    """Steps of each method there."""
    gan_seeds: int = 5
    """1-D GANs for each loss, with and without R1."""
    gan_steps: int = 24_000
    """Steps of Algorithm 1 in each."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 15 steps of each method, 1,000 of 1 GAN."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("steps", "gan_seeds", "gan_steps"):
            check.positive_integer(name, getattr(self, name))
        check.positive("h", self.h)
        if self.quick:
            at_most(self, steps=15, gan_seeds=1, gan_steps=1_000)


class Method(NamedTuple):
    """A way to play a game of two numbers, with what the papers derive for it."""

    name: str
    field: dynamics.Field
    update: dynamics.Update
    eigenvalues: list[complex]  # of the field at the equilibrium
    modulus: float  # the largest of the update's eigenvalues there


def main(config: Config) -> None:
    """Play the small games, look at the real one, save, draw."""
    started = time.perf_counter()
    check_training("gan_seeds", build(Settings(), numpy_gan.Units()), Settings().p_data().sample, config.gan_seeds)
    refuse("steps", PATHS * 4 * 2 * config.steps)
    prepare_folder(config.out, "dirac_gan", WRITES)
    keys = jax.random.split(jax.random.key(config.seed), config.gan_seeds)
    spectra, gan_1d = [], []
    with progress_bar() as bar:
        gans = GANS[-1:] if config.quick else GANS  # each has programs of its own to compile
        task = bar.add_task("dirac_gan", total=len(gans) + 1, numbers="the games of two numbers")
        methods, example = dirac_methods(config.h), nagarajan_kolter(config.h)
        paths = [play(by_steps(method.update, config.steps), STARTS) for method in methods]
        example_path = play(by_steps(example.update, config.steps), NK_STARTS)
        bilinear = play_bilinear(config.h, config.steps)
        rows = [measure(*pair, EQUILIBRIUM) for pair in zip(methods, paths, strict=True)]
        rows.append(measure(example, example_path, NK_EQUILIBRIUM))

        for loss, r1 in gans:
            bar.update(task, advance=1, numbers=f"the 1-D GAN, {loss}, R1 {r1}, and its eigenvalues")
            found = gan_eigenvalues(loss, r1, config.gan_steps, keys)
            spectra.append(found[0][0])
            gan_1d.append({"loss": loss, "r1": r1, "seeds": [row for _, row in found]})
        bar.update(task, advance=1, numbers="done")
    ends = np.array([np.hypot(*path[-1]) for path in bilinear.values()])
    numbers = {
        "two_numbers": rows,
        "bilinear_radius_at_the_end": dict(zip(bilinear, finite_or_none(ends), strict=True)),
        "gan_1d": gan_1d,
    }
    save_result(config.out, config, started, numbers)

    with phase("drawing pictures"):
        draw(methods, paths, bilinear, example.field, example_path, spectra, gan_1d, config.out)
    report(numbers, config.out)


def draw(methods, paths, bilinear, example_field, example_path, spectra, gan_1d, out: Path) -> None:
    """The four pictures."""
    fields = {f"{method.name}\nnear the cross, r becomes {method.modulus:.3f} r": method.field for method in methods}
    save_figure(out, "dirac_gan.png", pictures.side_by_side(fields, paths))
    pictures.moving(fields, paths, out / "dirac_gan.gif")
    save_figure(out, "small_games.png", pictures.small_games(bilinear, example_field, example_path))
    save_figure(out, "gan_eigenvalues.png", pictures.spectra(spectra, gan_1d))


# The Dirac-GAN


def dirac_methods(h: float) -> list[Method]:
    """With the eigenvalues of Mescheder et al. 2018, sections 2 and 3."""
    circling = [0.5j, -0.5j]
    noise = [-(NOISE**2) / 4 + sign * sqrt(NOISE**4 / 16 - 1 / 4) for sign in (1, -1)]
    r1 = [-R1 / 2 + sign * sqrt(R1**2 / 4 - 1 / 4) for sign in (1, -1)]
    plain = {loss: field_of(loss) for loss in ("saturating", "nonsaturating", "wasserstein")}

    def at_once(name: str, field: dynamics.Field, eigenvalues: list[complex]) -> Method:
        modulus = max(abs(1 + h * eigenvalue) for eigenvalue in eigenvalues)
        return Method(name, field, dynamics.simultaneous(field, h), eigenvalues, modulus)

    def in_turn(name: str, field: dynamics.Field) -> Method:
        middle = 1 - h**2 / 8  # 1 - a^2 / 2 with a = h / 2
        modulus = max(abs(middle + sign * sqrt(middle**2 - 1)) for sign in (1, -1))
        return Method(name, field, dynamics.alternating(field, h), circling, modulus)

    return [
        at_once("saturating", plain["saturating"], circling),
        at_once("non-saturating", plain["nonsaturating"], circling),
        in_turn("saturating, alternating", plain["saturating"]),
        in_turn("non-saturating, alternating", plain["nonsaturating"]),
        at_once("Wasserstein", plain["wasserstein"], [1j, -1j]),
        at_once(f"non-saturating, R1 {R1:g}", field_of("nonsaturating", r1=R1), r1),
        at_once(f"non-saturating, instance noise {NOISE:g}", field_of("nonsaturating", noise=NOISE), noise),
        at_once(
            f"non-saturating, consensus {CONSENSUS:g}",
            dynamics.consensus(plain["nonsaturating"], CONSENSUS),
            [-CONSENSUS / 4 + eigenvalue for eigenvalue in circling],
        ),
    ]


def field_of(loss: str, **settings: float) -> dynamics.Field:
    return dynamics.vector_field(dynamics.dirac_gan(loss, **settings))


def by_steps(update: dynamics.Update, steps: int) -> Callable[[Point], Point]:
    return lambda start: dynamics.trajectory(update, start, steps)


def play(run: Callable[[Point], Point], starts: Point) -> np.ndarray:
    """(starts, steps + 1, 2): the points (theta, psi) on each start's way. What overflowed is nan."""
    path = jax.jit(jax.vmap(run))(starts)
    path = np.stack([np.asarray(path.theta, np.float64), np.asarray(path.psi, np.float64)], axis=-1)
    return np.where(np.isfinite(path), path, np.nan)


def measure(method: Method, path: np.ndarray, equilibrium: Point) -> dict[str, Any]:
    """Eigenvalues as computed and as derived, and how far from the equilibrium each start ends."""
    found = dynamics.eigenvalues(method.field, equilibrium)
    r = np.hypot(*np.moveaxis(path - np.array(equilibrium), -1, 0))
    return {
        "method": method.name,
        "eigenvalues": [[value.real, value.imag] for value in found.tolist()],
        "eigenvalues_error": distance(found, method.eigenvalues),
        "update_modulus": float(np.abs(dynamics.eigenvalues(method.update, equilibrium)).max()),
        "update_modulus_derived": method.modulus,
        "radius_at_the_start": r[:, 0].tolist(),
        "radius_at_the_end": finite_or_none(r[:, -1]),
    }


def distance(found: np.ndarray, derived: list[complex]) -> float:
    """Between two pairs of eigenvalues, which may come in either order."""
    return min(float(np.max(np.abs(found - np.array(pair)))) for pair in (derived, derived[::-1]))


# f(x, y) = x y, and Nagarajan & Kolter's example


def play_bilinear(h: float, steps: int) -> dict[str, np.ndarray]:
    """From one start: gradient descent leaves, circles when the players take turns, arrives when it is optimistic."""
    field, start = dynamics.vector_field(dynamics.bilinear()), Point(jnp.array([1.0]), jnp.array([0.5]))
    optimizer = optax.optimistic_gradient_descent(h)

    def optimistic(start: Point) -> Point:
        pair = start, optimizer.init(start)
        return dynamics.trajectory(dynamics.by_optimizer(field, optimizer), pair, steps)[0]

    return {
        "gradient descent, simultaneous": play(by_steps(dynamics.simultaneous(field, h), steps), start)[0],
        "gradient descent, alternating": play(by_steps(dynamics.alternating(field, h), steps), start)[0],
        "optimistic gradient descent": play(optimistic, start)[0],
    }


def nagarajan_kolter(h: float) -> Method:
    """The example of Nagarajan & Kolter 2017: the only pair of eigenvalues here that a GAN without remedy damps."""
    field = dynamics.vector_field(dynamics.nagarajan_kolter())
    eigenvalues = [-1 / 20 + sign * sqrt(1 / 400 - 1 / 9) for sign in (1, -1)]
    modulus = max(abs(1 + h * eigenvalue) for eigenvalue in eigenvalues)
    return Method("Nagarajan & Kolter", field, dynamics.simultaneous(field, h), eigenvalues, modulus)


# The 1-D GAN


def gan_eigenvalues(loss: str, r1: float, steps: int, keys: jax.Array) -> list[tuple[np.ndarray, dict[str, float]]]:
    """Train it to its end with falling learning rates; for each key the eigenvalues there, and what they amount to.

    The field is that of plain gradient steps with equal rates, on QUANTILES of data and noise in place of draws.
    """
    settings = Settings(loss=loss, r1=r1, average=0.0, steps=steps)
    data, noise = settings.p_data(), settings.p_z()
    gan = build(settings, numpy_gan.Units(settings.mean, settings.std))
    x, z = (np.asarray(p.quantile(even_levels(QUANTILES)), np.float64)[:, None] for p in (data, noise))

    @jax.jit
    @jax.vmap
    def trained(key):
        key_init, key_run = jax.random.split(key)
        return train.train(gan, train.init(gan, key_init), data.sample, key_run, settings.steps)[0]

    states = trained(keys)
    rows = []
    for i in range(len(keys)):
        state = jax.tree.map(lambda leaf, i=i: leaf[i], states)
        field = dynamics.vector_field(dynamics.of_gan(gan, state, x, z, jax.random.key(0)))  # nothing is drawn
        found = dynamics.eigenvalues(field, Point(state.g.params, state.d.params))
        row = {
            "ks": metrics.ks_statistic(np.asarray(train.generate(gan, state, z)), data),
            "largest_real_part": float(found.real.max()),
            "smallest_real_part": float(found.real.min()),
            "largest_imaginary_part": float(found.imag.max()),
            "parameters": len(found),
        }
        rows.append((found, row))
    return rows


def report(numbers: dict, out: Path) -> None:
    print(f"results in {out}")
    print(
        f"{'game of two numbers':42}{'eigenvalues':>20}{'off by':>9}{'modulus of a step':>19}{'radius at the end':>19}"
    )
    for row in numbers["two_numbers"]:
        real, imaginary = row["eigenvalues"][0]
        pair = f"{round(real, 3) + 0:.3f} ± {abs(imaginary):.3f}i"  # + 0 turns -0 into 0
        ends = [r for r in row["radius_at_the_end"] if r is not None]
        far = f"{np.median(ends):.2g}" if ends else "overflow"
        print(f"{row['method']:42}{pair:>20}{row['eigenvalues_error']:>9.0e}{row['update_modulus']:>19.4f}{far:>19}")
    for name, radius in numbers["bilinear_radius_at_the_end"].items():
        print(f"f = x y, {name}: radius {radius if radius is None else f'{radius:.2g}'} at the end")
    print("the 1-D GAN near its end, medians: largest and smallest real part, largest imaginary part, KS")
    for row in numbers["gan_1d"]:
        keys = ("largest_real_part", "smallest_real_part", "largest_imaginary_part", "ks")
        cells = "".join(f"{np.median([seed[key] for seed in row['seeds']]):>10.3f}" for key in keys)
        print(f"{row['loss']:>16}, R1 {row['r1']:<4}{cells}")


if __name__ == "__main__":
    command_line(Config, main, __doc__)
