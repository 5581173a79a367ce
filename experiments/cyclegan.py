"""CycleGAN: two translations, each the other's inverse, learnt without a single pair (4 minutes a seed).

Zhu et al. 2017. The cycle loss makes F the inverse of G. It does not make G the truth: in the plane, between two
N(0, I), every rotation and every reflection is as good; what removes the freedom is asymmetry of the data, or a loss
that asks for the identity. Then digits: upright to rotated, and to inverted.
Writes plane.png, digits.png and result.json.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import save_figure, save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.images import check_batch, load
from experiments.neighbours import translations, unpaired
from experiments.neighbours.plane import GAUSSIAN, THREE_GAUSSIANS, Domain
from experiments.neighbours.pool import pool_query
from experiments.neighbours.races import LAST, followed, followed_together, in_chunks
from experiments.neighbours.translation import Game, State, Weights, adam, judged, start, translated
from experiments.pictures import cyclegan as pictures
from gan_from_scratch import check, data, networks, train
from gan_from_scratch.neighbours import translators

# 1. The losses of G: X -> Y, F: Y -> X, D_X and D_Y. In the place of eq. (1)'s logarithms stand squares of D's raw
# output a (section 4).


def adversarial_loss(game: Game, params_d: Any, fake: Array) -> Array:
    """For G, section 4: E (a(G(x)) - 1)^2."""
    return jnp.mean((judged(game, params_d, fake) - 1) ** 2)


def discriminator_loss(game: Game, params_d: Any, real: Array, fake: Array) -> Array:
    """For D, section 4: [E (a(y) - 1)^2 + E a(G(x))^2] / 2. Halved, D learns more slowly than G (section 7.1)."""
    return (jnp.mean((judged(game, params_d, real) - 1) ** 2) + jnp.mean(judged(game, params_d, fake) ** 2)) / 2


def translators_objective(
    game: Game, weights: Weights, params_g: Any, params_f: Any, params_dx: Any, params_dy: Any, x: Array, y: Array
) -> tuple[Array, tuple[Array, Array]]:
    """Eq. (3), GAN(G, D_Y) + GAN(F, D_X) + lambda cycle(G, F), and section 5.2's identity loss: what G and F minimise
    in eq. (4), both of them the whole; with it the translations F(y) and G(x).

    cycle, eq. (2): E |F(G(x)) - x|_1 + E |G(F(y)) - y|_1.    identity: E |G(y) - y|_1 + E |F(x) - x|_1.
    |.|_1 is a mean over pixels, as in the authors' code.
    """
    g, f = partial(translated, game, params_g), partial(translated, game, params_f)
    fake_y, fake_x = g(x), f(y)
    gan = adversarial_loss(game, params_dy, fake_y) + adversarial_loss(game, params_dx, fake_x)
    cycle = jnp.mean(jnp.abs(f(fake_y) - x)) + jnp.mean(jnp.abs(g(fake_x) - y))
    identity = jnp.mean(jnp.abs(g(y) - y)) + jnp.mean(jnp.abs(f(x) - x))
    return weights.gan * gan + weights.cycle * cycle + weights.identity * identity, (fake_x, fake_y)


# 2. One step: G and F together, then D_X and D_Y on the translations that this step's G and F began with.


def step(game: Game, weights: Weights, state: State, x: Array, y: Array, key: Array) -> tuple[State, Array]:
    """The state after it, and the objective's value before it."""
    key_x, key_y = jax.random.split(key)
    weights = weights._replace(cycle=weights.cycle * jnp.minimum(1.0, state.step / game.rise))
    slopes = jax.value_and_grad(partial(translators_objective, game, weights), argnums=(0, 1), has_aux=True)
    params = (player.params for player in (state.g, state.f, state.d_x, state.d_y))
    (value, (fake_x, fake_y)), (slope_g, slope_f) = slopes(*params, x, y)
    pool_x, shown_x = pool_query(key_x, state.pool_x, fake_x)
    pool_y, shown_y = pool_query(key_y, state.pool_y, fake_y)
    slope_dx = jax.grad(partial(discriminator_loss, game))(state.d_x.params, x, shown_x)
    slope_dy = jax.grad(partial(discriminator_loss, game))(state.d_y.params, y, shown_y)
    after = State(
        g=train.descend(game.optimizer_g, state.g, slope_g, {}),
        f=train.descend(game.optimizer_g, state.f, slope_f, {}),
        d_x=train.descend(game.optimizer_d, state.d_x, slope_dx, {}),
        d_y=train.descend(game.optimizer_d, state.d_y, slope_dy, {}),
        pool_x=pool_x,
        pool_y=pool_y,
        step=state.step + 1,
    )
    return after, value


# 3. The exact case. X = Y = N(0, I) in the plane, G(x) = M x. Any orthogonal M with F = M^T has cycle loss 0 and makes
# G(x) a draw of Y, so nothing in eq. (3) says which one it should be. The truth is M = I, and an orthogonal M is
#        E |M x - x|^2 = tr (M - I)^T (M - I) = 4 - 2 tr M
# away from it, as E x x^T = I: 4 (1 - cos theta) for a rotation by theta, and 4 for every reflection.

WRITES = ("plane.png", "digits.png", "result.json")
STARTS = 8  # of the plane, and of the digits: poses an eighth of a turn apart, so that one lies near any truth
POINTS = 100_000  # of each domain, to learn from and, others, to measure: an error of a percent


def nearest_orthogonal(m: np.ndarray) -> np.ndarray:
    """Q = U V^T of m = U S V^T (Procrustes)."""
    u, _, v = np.linalg.svd(m)
    return u @ v


def predicted_error(q: np.ndarray, second_moment: np.ndarray) -> float:
    """E |Q x - x|^2 = tr (Q - I) E[x x^T] (Q - I)^T: 4 - 2 tr Q where E x x^T = I."""
    apart = q - np.eye(2)
    return float(np.trace(apart @ second_moment @ apart.T))


NEAR = 0.1  # of smaller errors, rotations by at most 13 degrees, the noise of the last steps is no small share


def off_the_formula(starts: list[dict[str, Any]]) -> float:
    """The largest |measured / predicted - 1| of errors that are no smaller than NEAR."""
    return max((abs(of["measured"] / of["predicted"] - 1) for of in starts if of["predicted"] >= NEAR), default=0.0)


PLANE = {  # domain and losses
    "N(0, I)": (GAUSSIAN, "both"),
    "N(0, I), with identity": (GAUSSIAN, "both with identity"),
    "three Gaussians": (THREE_GAUSSIANS, "both"),
}
PLANE_BATCH, PLANE_RATES, PLANE_D = 64, (2e-2, 5e-3), (32, 32)  # few numbers to learn: large steps, a small D


def in_the_plane(
    game: Game, weights: Weights, domain: Domain, steps: int, key: Array, tell: Any
) -> list[dict[str, Any]]:
    """From each start the matrix M that G ends at, the orthogonal map next to it, both errors, and eq. (3)'s value."""
    key_x, key_y, key_test, key_start, key_run = jax.random.split(key, 5)
    x, y, test = (domain.sample(key, POINTS) for key in (key_x, key_y, key_test))
    states = jax.vmap(lambda key: start(game, key, x[:1]))(jax.random.split(key_start, STARTS))
    keys = jax.random.split(key_run, STARTS)
    follow = partial(followed_together, step, game, PLANE_BATCH, weights, x=x, y=y)
    states, values = in_chunks(follow, states, keys, steps, tell)
    found = []
    matrices = np.asarray(states.g.params["matrix"], np.float64)
    for m, value in zip(matrices, values[-LAST:].mean(axis=0), strict=True):
        q = nearest_orthogonal(m)
        measured = float(jnp.mean(jnp.sum((test @ m.T - test) ** 2, axis=1)))
        angle = float(np.degrees(np.arctan2(q[1, 0], q[0, 0])))
        found.append(
            {"matrix": m.tolist(), "reflects": bool(np.linalg.det(q) < 0), "theta": angle, "value": float(value),
             "predicted": predicted_error(q, domain.second_moment), "measured": measured}
        )  # fmt: skip
    return found


# 4. Digits. All four kinds have the same networks, starts and steps. Each start is an inverse pair already, so these
# rows do not show that the cycle loss makes F the inverse of G: the plane does.

RATES = (2e-3, 1e-3)  # of G and F, of D_X and D_Y: the paper's 2e-4 is for a hundred times as many steps


@dataclass(frozen=True)
class Config:
    """Images lie in [-1, 1]; errors are mean squares over pixels."""

    seed: int = 0
    """Decides every draw."""
    seeds: int = 1
    """Trainings of each kind for each task, and of the plane's 8 starts."""
    cycle: float = 10.0
    """Weight lambda of the cycle loss."""
    identity: float = 0.5
    """Weight of the identity loss. (The paper's, for paintings, is 5.)"""
    steps: int = 800
    """Steps of a training on digits."""
    race: int = 120
    """Steps after which the best of 8 starts goes on alone."""
    plane_steps: int = 2000
    """Steps in the plane."""
    batch: int = 32
    """Digits of each domain in a step."""
    out: Path = Path("runs/cyclegan")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    cache: Path | None = None
    """Folder in which trained classifiers are kept: the judge. None: the user's cache folder."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    quick: bool = False
    """The whole pipeline in less than a minute: 1 seed, 20 steps of each training, a race of 2."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("cycle", "identity"):
            check.positive(name, getattr(self, name))
        for name in ("seeds", "steps", "race", "plane_steps", "batch"):
            check.positive_integer(name, getattr(self, name))
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, seeds=1, steps=20, race=2, plane_steps=40)
        if self.race > self.steps:
            raise ValueError(f"race is {self.race}, but must be at most {self.steps}, the number of steps")


def main(config: Config) -> None:
    """The plane; then digits -> two domains -> translations of each kind -> scores; pictures."""
    started = time.perf_counter()
    digits, test = (load("mnist", split, config.data_dir, config.synthetic, config.quick) for split in data.SPLITS)
    check_batch(config.batch, len(digits[0]) // 2)
    judge_learning = learning_for("mnist", config.synthetic, config.quick)
    check_cache(config.cache)
    prepare_folder(config.out, "cyclegan", WRITES)
    judge, _ = trained(judge_learning, digits, config.cache)
    keys = [jax.random.split(jax.random.fold_in(jax.random.key(config.seed), i)) for i in range(config.seeds)]
    weights = {
        "GAN only": Weights(1.0, 0.0, 0.0),
        "cycle only": Weights(0.0, config.cycle, 0.0),
        "both": Weights(1.0, config.cycle, 0.0),
        "both with identity": Weights(1.0, config.cycle, config.identity),
    }
    numbers, shown = {"plane": {}, "digits": {}, "chance": {}}, {}
    with progress_bar() as bar:
        of_each = (STARTS - 1) * config.race + config.steps
        total = config.seeds * (len(PLANE) * config.plane_steps + len(unpaired.TASKS) * len(weights) * of_each)
        bar_task = bar.add_task("learning", total=total, numbers="")
        tell = partial(bar.advance, bar_task)
        game = game_of(translators.LinearMap(), networks.Discriminator(PLANE_D), PLANE_RATES, config.plane_steps)
        for name, (domain, kind) in PLANE.items():
            bar.update(bar_task, numbers=name)
            found = numbers["plane"][name] = []
            for key_plane, _ in keys:
                found.append(in_the_plane(game, weights[kind], domain, config.plane_steps, key_plane, tell))
        numbers["off_the_formula"] = off_the_formula([of for of_seed in numbers["plane"]["N(0, I)"] for of in of_seed])
        game = game_of(translators.Translator(), translators.WholeImageDiscriminator(), RATES, config.steps)
        follow = partial(followed, step, game, config.batch)
        say = lambda kind: bar.update(bar_task, numbers=f"digits, {kind}")  # noqa: E731
        learning = translations.Learning(game, follow, STARTS, config.race, config.steps, tell, say)
        for name, task in unpaired.TASKS.items():
            numbers["chance"][name] = unpaired.chance(task, test, judge)
            numbers["digits"][name], shown[name] = translations.of_task(
                learning, weights, task, digits[0], test, judge, [key_digits for _, key_digits in keys]
            )
            save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        save_figure(config.out, "plane.png", pictures.plane({name: of[0] for name, of in numbers["plane"].items()}))
        save_figure(config.out, "digits.png", pictures.digits(shown))
    translations.report(numbers, config.cycle, config.seeds, config.out)


def game_of(translator: Any, discriminator: Any, rates: tuple[float, float], steps: int) -> Game:
    """Lambda rises in the first half of the steps; the rates fall in the second."""
    return Game(translator, discriminator, *(adam(rate, steps) for rate in rates), rise=max(1, steps // 2))


if __name__ == "__main__":
    command_line(Config, main, __doc__)
