"""The training of an image run: from a beginning to the last step, with checkpoints on the way."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from experiments.command.machines import agreed
from experiments.command.progress import progress_bar
from experiments.command.signals import stop_signals
from experiments.image_runs.images import to_bytes, to_unit
from gan_from_scratch import checkpoint, remedies, train
from gan_from_scratch.parallel.mesh import Spread, at_home, everywhere, mesh, put, spread

CHUNK = 20  # steps in one compiled call: a second or two on a CPU, so that a stop is soon heard
SHOWN = 64  # noises whose images are drawn again and again while G learns
SETTLED = 40  # batches for BatchNorm's statistics of a picture on the way
METRICS = ("loss_d", "loss_g", "d_real", "d_fake")


class Progress(NamedTuple):
    """A run so far: what a checkpoint keeps. `history` is what the figures and the report are made from:

    each of METRICS (steps,); frames (moments, SHOWN, h, w, c) uint8, G at the same noises; frame_steps (moments,);
    seconds (), in the loop over steps, without compiling. What `learn` was given to measure is (moments,) as well.
    """

    state: train.GANState
    history: dict[str, np.ndarray]


def at_the_start(state: train.GANState, shape: tuple[int, int, int]) -> Progress:
    history = {name: np.zeros(0, np.float32) for name in METRICS}
    history |= {"frames": np.zeros((0, SHOWN, *shape), np.uint8), "frame_steps": np.zeros(0, int)}
    return Progress(state, history | {"seconds": np.zeros(())})


def chunk_of_steps(
    gan: train.GAN, key: Array, mirror: bool, over: Mesh | None = None
) -> Callable[..., tuple[train.GANState, train.Metrics, Array]]:
    """The compiled function (state, images, n): n steps, what they measured, and whether all parameters are finite.

    Its batches are spread `over` the devices of a mesh, or all on the first one; state and images are on each of them.
    The state is donated: the new one is written where the old one lay.
    """
    over = over or mesh(1)
    gan = spread(gan, over)

    @partial(jax.jit, static_argnames="n", donate_argnames="state", out_shardings=everywhere(over))
    def advance(state, images, n):
        def sample_data(key, batch):
            key_which, key_mirror = jax.random.split(key)
            x = to_unit(images[jax.random.randint(key_which, (batch,), 0, len(images))])
            mirrored = jax.random.bernoulli(key_mirror, 0.5, (batch, 1, 1, 1)) & mirror
            return jnp.where(mirrored, x[:, :, ::-1], x)

        state, measured = train.train(gan, state, Spread(sample_data, over), key, n)
        sound = [jnp.isfinite(w).all() for w in jax.tree.leaves((state.g.params, state.d.params))]
        return state, measured, jnp.all(jnp.array(sound))

    return advance


def learn(
    gan: train.GAN,
    images: np.ndarray,
    progress: Progress,
    key: Array,
    steps: int,
    *,
    mirror: bool,
    sample_every: int,
    checkpoint_every: int,
    folder: Path,
    about: dict,
    over: Mesh,
    measure: Callable[[train.GANState], dict[str, float]] = lambda state: {},
) -> tuple[Progress, int | None]:
    """On images uint8 (n, h, w, c) to the last step, with checkpoints in `folder`, which say what run they are of.

    Each batch is spread `over` a mesh, on which the state of `progress` lies everywhere; the one that is returned or
    measured is this process's own. Returns what was reached, and None or the step at which the run broke: the first
    with a loss that is not finite, or, if only parameters are not, the last of its CHUNK. What was reached is then the
    history from before that CHUNK. A signal to any process ends all after one more checkpoint, with KeyboardInterrupt.
    Whenever a picture is taken, `measure` is asked of the state.
    """
    key_run, key_show, key_settle = (jax.random.fold_in(key, i) for i in (1, 2, 3))
    # As bytes: a quarter of the memory; each batch is gathered in the compiled loop.
    images = put(images, everywhere(over))
    shown, advance = gan.sample_noise(key_show, SHOWN), chunk_of_steps(gan, key_run, mirror, over)
    programs = {}  # by the number of steps

    @jax.jit
    def look(state):
        averaged = state._replace(g=remedies.averaged(state.g))
        return to_bytes(train.generate(gan, train.settle(gan, averaged, key_settle, SETTLED), shown))

    def due(step: int, every: int) -> bool:
        return step // every > (step - CHUNK) // every or step >= steps

    def compile_for(n: int) -> None:
        if n and n not in programs:
            programs[n] = advance.lower(progress.state, images, n).compile()

    with progress_bar() as bar, ExitStack() as later:
        done = int(progress.state.step)
        task = bar.add_task(about["data"], total=steps, completed=done, numbers="compiling")
        if done == 0:
            home = at_home(progress.state)
            progress = with_frame(progress, look(home), measure(home))
        compile_for(min(CHUNK, steps - done))  # while a signal still ends this at once: there is nothing to save
        stopped = later.enter_context(stop_signals())
        while done < steps:
            n = min(CHUNK, steps - done)
            compile_for(n)
            started = time.perf_counter()
            state, measured, sound = programs[n](progress.state, images)
            measured = jax.device_get(measured)
            seconds = time.perf_counter() - started
            finite = np.all([np.isfinite(values) for values in measured.values()], axis=0)
            if not (finite.all() and sound):
                return progress, done + (int(np.argmin(finite)) + 1 if not finite.all() else len(finite))
            done += len(finite)
            history = {name: np.append(progress.history[name], measured[name]) for name in METRICS}
            progress = Progress(state, progress.history | history | {"seconds": progress.history["seconds"] + seconds})
            if due(done, sample_every):
                home = at_home(state)
                progress = with_frame(progress, look(home), measure(home))
            means = {name: values.mean() for name, values in measured.items()}
            now = (
                f"D's loss {means['loss_d']:.2f}  G's {means['loss_g']:.2f}  D(x) {means['d_real']:.2f}  "
                f"D(G(z)) {means['d_fake']:.2f}  {len(finite) * gan.batch / seconds:,.0f} images/s"
            )
            bar.update(task, completed=done, numbers=now)
            stop = agreed(stopped())  # asked once, so that a signal between the two lines cannot end an unsaved run
            if stop or due(done, checkpoint_every):
                checkpoint.save(folder, checkpoint.Checkpoint(done, *progress, about))
                # A bar leaves no log.
                bar.console.print(f"checkpoint of step {done:,}: {now}", highlight=False, soft_wrap=True)
            if stop:
                bar.console.print(f"stopped after step {done:,}; go on with --resume", highlight=False)
                raise KeyboardInterrupt
        if agreed(stopped()):  # in the last save
            raise KeyboardInterrupt
    return progress._replace(state=at_home(progress.state)), None


def with_frame(progress: Progress, images: Array, measured: dict[str, float]) -> Progress:
    """The run with one more picture of the same noises, and what was measured at that moment."""
    history = progress.history
    history = history | {name: np.append(history.get(name, []), value) for name, value in measured.items()}
    frames = np.append(history["frames"], np.asarray(images)[None], axis=0)
    frame_steps = np.append(history["frame_steps"], int(progress.state.step))
    return progress._replace(history=history | {"frames": frames, "frame_steps": frame_steps})


def summary(progress: Progress, broke: int | None, batch: int) -> dict[str, Any]:
    """How far a run came, how fast, and the players' losses at its end."""
    history = progress.history
    steps, seconds = len(history["loss_d"]), float(history["seconds"])
    return {
        "steps": steps,
        "non_finite_at_step": broke,
        "training_seconds": round(seconds, 1),
        "images_per_second": round(batch * steps / seconds, 1) if steps else None,
        # A single batch's loss is noise: the mean over the last tenth of the steps.
        "at_the_end": {name: float(history[name][-max(1, steps // 10) :].mean()) for name in METRICS if steps},
    }
