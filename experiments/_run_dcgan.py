"""A run of mnist_dcgan or cifar_dcgan: begin or resume, learn with checkpoints on the way, judge, draw, report."""

import json
import time
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from experiments import _dcgan, _draw_images, _judge, _script, classifier
from gan_from_scratch import checkpoint, data, metrics, train

SHOWN = 64  # noises whose images are drawn again and again while G learns
SETTLED = 40, 400  # batches for BatchNorm's statistics: of a picture on the way, and at the end
CHECKPOINTS = "checkpoints"  # their folder in --out
METRICS = ("loss_d", "loss_g", "d_real", "d_fake")
GENERATED = 500  # images in one call at sampling time


class Progress(NamedTuple):
    """A run so far: what a checkpoint keeps. `history` is what the figures and the report are made from:

    each of METRICS (steps,); frames (moments, SHOWN, h, w, c) uint8, G at the same noises; frame_steps (moments,);
    seconds (), in the loop over steps, compiling included.
    """

    state: train.GANState
    history: dict[str, np.ndarray]


def main(config: Any, name: str) -> None:
    """Train on the data set `name`, judge, draw, save. `config` has the fields `classes`, `run` and `training`."""
    started = time.perf_counter()
    run, training = config.run, config.training
    images = {split: images_of(config, name, split) for split in data.SPLITS}
    _script.check_batch(training.batch, len(images["train"]))
    judge = judge_config(config, name)
    if run.synthetic is not None and run.synthetic < judge.batch:
        raise ValueError(f"synthetic is {run.synthetic}, but must be at least {judge.batch}, the judge's batch")
    judged_images = min(run.samples, len(images["test"]))
    if judged_images <= metrics.NEIGHBOURS:
        raise ValueError(
            f"samples is {run.samples} and there are {len(images['test'])} test images, but more than "
            f"{metrics.NEIGHBOURS} of each must be judged"
        )
    gan = _dcgan.build(training, data.SHAPES[name])
    about = description(config, name)
    key = jax.random.key(run.seed)
    start = beginning(gan, key, run, about)
    _script.prepare_folder(run.out)

    progress, stop, interrupted = learn(gan, training.steps, run, about, key, start, images["train"])
    steps, seconds = len(progress.history["loss_d"]), float(progress.history["seconds"])
    if interrupted:
        print(f"stopped after step {steps:,}; go on with --resume", flush=True)
        raise KeyboardInterrupt
    draw(run.out, progress.history, training.loss)
    numbers = {
        "steps": steps,
        "non_finite_at_step": stop,
        "training_seconds": round(seconds, 1),
        "images_per_second": round(training.batch * steps / seconds, 1) if steps else None,
        # A single batch's loss is noise: the mean over the last tenth of the steps.
        "at_the_end": {name: float(progress.history[name][-max(1, steps // 10) :].mean()) for name in METRICS if steps},
    }
    if stop is None:
        images["generated"] = generated(gan, progress.state, key, judged_images)
        numbers["judged"] = judged(config, name, images)
        _draw_images.save_picture(_draw_images.tiles(images["generated"][:100], 10), run.out / "samples.png")
    _script.save_result(run.out, config, started, numbers)
    if stop is not None:
        last = checkpoint.newest(run.out / CHECKPOINTS)
        kept = "there is no checkpoint" if last is None else f"the newest checkpoint is of step {last:,}"
        raise FloatingPointError(f"training went non-finite at step {stop}; {kept}; what was drawn is in {run.out}")
    report(numbers, run.out)


def images_of(config: Any, name: str, split: str) -> np.ndarray:
    """Those of the wanted classes, uint8."""
    dataset = classifier.images_of(judge_config(config, name), split)
    images, _ = data.of_classes(dataset, data.CLASSES[name], config.classes)
    if len(images) < 2:
        raise ValueError(f"classes is {config.classes}, but must have at least 2 images: {split} has {len(images)}")
    return images


def judge_config(config: Any, name: str) -> classifier.Config:
    run = config.run
    small = {"width": 4, "epochs": 1, "batch": 32} if run.synthetic is not None else {}
    return classifier.Config(data=name, data_dir=run.data_dir, cache=run.cache, synthetic=run.synthetic, **small)


def description(config: Any, name: str) -> dict[str, Any]:
    """What a checkpoint says of its run, as JSON gives it back."""
    return json.loads(json.dumps({"data": name, **_script.flat(config)}, default=str))


def refuse_another(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise ValueError unless a run described as `wanted` can go on from a checkpoint of one described as `found`."""
    free = {*_script.PLACES, "resume", "checkpoint_every", "samples"}
    if not wanted["decay"]:
        free |= {"steps"}  # with constant learning rates a run may be made longer
    checkpoint.refuse_another(
        *({key: value for key, value in run.items() if key not in free} for run in (found, wanted))
    )


def restored(folder: Path) -> tuple[train.GAN, train.GANState, dict[str, Any]]:
    """The GAN of a run's newest checkpoint, its state, and what the run was."""
    about = about_of(folder / CHECKPOINTS)
    training = _dcgan.Training(**{field.name: about[field.name] for field in fields(_dcgan.Training)})
    gan = _dcgan.build(training, data.SHAPES[about["data"]])
    like = jax.eval_shape(partial(train.init, gan), jax.random.key(0))
    return gan, checkpoint.load(folder / CHECKPOINTS, like).state, about


def about_of(folder: Path) -> dict[str, Any]:
    """What run the newest checkpoint belongs to. ValueError if it is none of mnist_dcgan or cifar_dcgan."""
    about = checkpoint.about(folder)
    if about.get("data") not in data.SHAPES or "steps" not in about:
        raise ValueError(f"{folder}: expected a checkpoint of mnist_dcgan or cifar_dcgan, found one of something else")
    # A setting that is younger than the checkpoint was off in its run, as it is by default.
    return {field.name: field.default for field in fields(_dcgan.Training) if field.name != "steps"} | about


def beginning(gan: train.GAN, key: Array, run: _dcgan.Run, about: dict[str, Any]) -> Progress:
    """The state before the first step, or that of the newest checkpoint."""
    folder = run.out / CHECKPOINTS
    state = jax.jit(partial(train.init, gan))(jax.random.fold_in(key, 0))
    if not run.resume:
        if checkpoint.newest(folder) is not None:
            raise ValueError(f"{folder} holds checkpoints: go on from them with --resume, or choose another --out")
        size, _, channels = data.SHAPES[about["data"]]
        history = {name: np.zeros(0, np.float32) for name in METRICS}
        history |= {"frames": np.zeros((0, SHOWN, size, size, channels), np.uint8), "frame_steps": np.zeros(0, int)}
        return Progress(state, history | {"seconds": np.zeros(())})
    refuse_another(about_of(folder), about)
    if (step := checkpoint.newest(folder)) > about["steps"]:
        raise ValueError(f"steps is {about['steps']}, but must be at least {step}: the checkpoint is of that step")
    found = checkpoint.load(folder, state)
    return Progress(found.state, found.history)


def learn(
    gan: train.GAN,
    steps: int,
    run: _dcgan.Run,
    about: dict[str, Any],
    key: Array,
    progress: Progress,
    images: np.ndarray,
) -> tuple[Progress, int | None, bool]:
    """From `progress` to the last step, with checkpoints on the way.

    Returns what was reached, the first step with a loss that is not finite or None, and whether a signal stopped it.
    """
    key_run, key_show, key_settle = (jax.random.fold_in(key, i) for i in (1, 2, 3))
    images = jax.device_put(images)  # as bytes: a quarter of the memory; each batch is gathered in the compiled loop
    shown, advance = gan.sample_noise(key_show, SHOWN), _dcgan.chunk_of_steps(gan, key_run, about["mirror"])

    @jax.jit
    def look(state):
        x = train.generate(gan, train.settle(gan, state, key_settle, SETTLED[0]), shown)
        return classifier.to_bytes(x)

    def save(progress: Progress) -> None:
        folder, step = run.out / CHECKPOINTS, int(progress.state.step)
        if checkpoint.newest(folder) != step:
            checkpoint.save(folder, checkpoint.Checkpoint(step, progress.state, progress.history, about))

    def due(step: int, every: int) -> bool:
        return step // every > (step - _dcgan.CHUNK) // every or step >= steps

    with _script.progress_bar() as bar, _script.stop_signals() as stopped:
        done = int(progress.state.step)
        task = bar.add_task(about["data"], total=steps, completed=done, numbers="compiling")
        if done == 0:
            progress = with_frame(progress, look(progress.state))
        while done < steps:
            started = time.perf_counter()
            state, measured, sound = advance(progress.state, images, min(_dcgan.CHUNK, steps - done))
            measured = jax.device_get(measured)
            seconds = time.perf_counter() - started
            finite = np.all([np.isfinite(values) for values in measured.values()], axis=0)
            if not (finite.all() and sound):
                return progress, done + (int(np.argmin(finite)) + 1 if not finite.all() else len(finite)), False
            done += len(finite)
            history = {name: np.append(progress.history[name], measured[name]) for name in METRICS}
            progress = Progress(state, progress.history | history | {"seconds": progress.history["seconds"] + seconds})
            if due(done, run.sample_every):
                progress = with_frame(progress, look(state))
            means = {name: values.mean() for name, values in measured.items()}
            now = (
                f"D's loss {means['loss_d']:.2f}  G's {means['loss_g']:.2f}  D(x) {means['d_real']:.2f}  "
                f"D(G(z)) {means['d_fake']:.2f}  {len(finite) * gan.batch / seconds:,.0f} images/s"
            )
            bar.update(task, completed=done, numbers=now)
            stop = stopped()  # asked once, so that a signal between the two lines cannot end an unsaved run
            if stop or due(done, run.checkpoint_every):
                save(progress)
                bar.console.print(f"checkpoint of step {done:,}: {now}", highlight=False)  # a bar leaves no log
            if stop and done < steps:
                return progress, None, True
    return progress, None, False


def with_frame(progress: Progress, images: Array) -> Progress:
    """The run with one more picture of the same noises."""
    history = progress.history
    return progress._replace(
        history=history
        | {
            "frames": np.append(history["frames"], np.asarray(images)[None], axis=0),
            "frame_steps": np.append(history["frame_steps"], int(progress.state.step)),
        }
    )


# What came out


def generated(gan: train.GAN, state: train.GANState, key: Array, n: int) -> np.ndarray:
    """n images (n, h, w, c) uint8 from fresh noise."""
    key_settle, key_noise = (jax.random.fold_in(key, i) for i in (4, 5))
    state = jax.jit(lambda state: train.settle(gan, state, key_settle, SETTLED[1]))(state)
    return images_at(gan, state, gan.sample_noise(key_noise, n))


def images_at(gan: train.GAN, state: train.GANState, z: Array) -> np.ndarray:
    """G(z) of a settled state as bytes, some at a time."""
    make = jax.jit(lambda state, z: classifier.to_bytes(train.generate(gan, state, z)))
    return np.concatenate([np.asarray(make(state, z[i : i + GENERATED])) for i in range(0, len(z), GENERATED)])


def judged(config: Any, name: str, images: dict[str, np.ndarray]) -> dict[str, Any]:
    """Generated and training images, equally many, against the test images."""
    judge, _ = classifier.trained(judge_config(config, name))
    n = len(images["generated"])
    # Evenly spaced through the training set, so that a file's order does not matter.
    real = images["train"][np.linspace(0, len(images["train"]) - 1, n).round().astype(int)]
    return _judge.judged(judge, name, {"generated": images["generated"], "real": real}, images["test"][:n])


def draw(out: Path, history: dict[str, np.ndarray], loss: str) -> None:
    """The curves, and the same noises again and again."""
    if len(history["loss_d"]):
        _script.save_figure(out, "losses.png", _draw_images.curves(history, loss))
    _draw_images.save_gif([_draw_images.tiles(frame, 8) for frame in history["frames"]], out / "training.gif")


def report(numbers: dict[str, Any], out: Path) -> None:
    """The headline numbers, the real images' beside them."""
    speed, made = numbers["images_per_second"], numbers["judged"]["generated"]
    print(f"{numbers['steps']:,} steps at {speed:,.0f} images/s; {made['images']:,} images judged; results in {out}")
    print(f"{'':28}{'generated':>12}{'training images':>18}")
    for key, label, digits in _judge.LABELS:
        cells = [f"{numbers['judged'][who][key]:.{digits}f}" for who in ("generated", "real")]
        print(f"{label:28}{cells[0]:>12}{cells[1]:>18}")
    shares = [made["class_shares"], numbers["judged"]["real"]["class_shares"]]
    common = [label for label in shares[1] if max(share[label] for share in shares) >= 0.01]
    print("share of each class, generated / training images [%]:")
    print("  " + "  ".join(f"{label} {100 * shares[0][label]:.1f}/{100 * shares[1][label]:.1f}" for label in common))
