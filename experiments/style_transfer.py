"""Style transfer: a picture's content in another's textures, and how far random filters go (3 minutes a seed).

Gatys et al. 2016, whose VGG network has to be downloaded. Here the filters are random (Ustyuzhaninov et al. 2016; He et
al. 2016), or those of our CIFAR-10 classifier.
Writes style.png, result.png, textures.png, losses.png and result.json; --content FILE --style FILE take your pictures.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.memory import check_memory
from experiments.command.progress import phase, progress_bar
from experiments.command.results import save_figure, save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.images import load
from experiments.neighbours import held_out, lbfgs, style_report
from experiments.neighbours.filters import (
    CLASSIFIER_WIDEST,
    Network,
    features,
    networks_around,
    of_classifier,
    random_network,
)
from experiments.neighbours.style_settings import Config
from experiments.neighbours.textures import TEXTURES, dots, landscape
from experiments.neighbours.user_pictures import read
from experiments.pictures import style_transfer as pictures
from experiments.pictures.images import save_picture

# 1. The losses. A layer's features F are N channels by M places; those of the content are P.


def content_loss(found: Array, wanted: Array) -> Array:
    """L_content = 1/2 sum (F - P)^2, eq. (1)."""
    return jnp.sum((found - wanted) ** 2) / 2


def gram(found: Array) -> Array:
    """G / M, G = F F^T, eq. (3): which channels are on together, wherever. Per place, for pictures of any two sizes."""
    return found @ found.T / found.shape[1]


def layer_loss(found: Array, wanted: Array) -> Array:
    """E = sum (G / M - A / M')^2 / (4 N^2), A the style's G, N this layer's own: eq. (4) where M' = M."""
    return jnp.sum((gram(found) - wanted) ** 2) / (2.0 * found.shape[0]) ** 2


def style_loss(found: list[Array], wanted: list[Array]) -> Array:
    """L_style = sum_l w_l E_l, eq. (5), with the same weight w_l for each layer."""
    return sum(map(layer_loss, found, wanted)) / len(found)


def total_variation(x: Array) -> Array:
    """Sum of squared differences between neighbouring pixels (Mahendran & Vedaldi 2015, with beta = 2)."""
    return jnp.sum((x[1:] - x[:-1]) ** 2) + jnp.sum((x[:, 1:] - x[:, :-1]) ** 2)


def texture_loss(x: Array, network: Network, wanted: list[Array]) -> Array:
    """L_style alone makes a texture (Gatys et al. 2015)."""
    return style_loss(features(network, x), wanted)


def total_loss(x: Array, network: Network, aim: Array, wanted: list[Array], beta: float, gamma: float) -> Array:
    """alpha L_content + beta L_style, eq. (7), + gamma TV. Like L_style, both others are taken as means: any size of
    picture has the same weights."""
    found = features(network, x)
    return (
        content_loss(found[CONTENT_LAYER], aim) / aim.size
        + beta * style_loss(found, wanted)
        + gamma * total_variation(x) / x.size
    )


def grams(network: Network, x: Array, activation: Callable[[Array], Array] = jax.nn.relu) -> list[Array]:
    return [gram(found) for found in features(network, x, activation)]


# 2. The exact case. A linear circular convolution multiplies spectra, F^_k(f) = sum_c w^_kc(f) x^_c(f), so by Parseval
#        G_kl = 1/M sum_f F^_k(f) F^_l(f)*,
# from which any phase that all channels share, x^(f) e^{i phi(f)}, drops out: linear features at full size, however
# many layers, see the channels' common spectrum and nothing else. (Halving folds frequencies onto each other.) ReLU
# sees more.


def randomised_phases(x: Array, key: Array) -> Array:
    """x^(f) e^{i phi(f)}, with phi of white noise: odd, so that x stays real. phi(0) = 0 keeps the mean."""
    noise = jnp.fft.fft2(jax.random.normal(key, x.shape[:2]))
    turned = (noise / jnp.abs(noise)).at[0, 0].set(1)
    return jnp.fft.ifft2(jnp.fft.fft2(x, axes=(0, 1)) * turned[..., None], axes=(0, 1)).real


def exact_case(texture: Array, width: int, key: Array) -> dict[str, float]:
    """|G - A| / |A| between a texture and itself with other phases: the largest of three layers, in float64."""
    key_network, key_phases = jax.random.split(key)
    with jax.enable_x64(True):
        texture = jnp.asarray(texture, jnp.float64)
        network = random_network(key_network, width, texture, (3,))
        turned = randomised_phases(texture, key_phases)
        found = {}
        for name, activation in (("linear", lambda h: h), ("relu", jax.nn.relu)):
            grams_of = jax.jit(partial(grams, network, activation=activation))
            a, g = (grams_of(x) for x in (texture, turned))
            found[name] = max(float(jnp.linalg.norm(g - a) / jnp.linalg.norm(a)) for g, a in zip(g, a, strict=True))
    return found


# 3. The pixels are what is optimised, by L-BFGS: white noise becomes a texture, the content takes a style.

CONTENT_LAYER = 2  # of five: at half the size in both kinds of network
HELD_OUT = 2  # networks that nothing is optimised on: one could be like the used one by chance
TEXTURE_SIZE = 64  # pixels: 64 dots, so that two draws are like each other

Found = tuple[dict[str, Any], dict[str, Array], list[float]]  # numbers, pictures, the loss before each step


def imitated(process: Callable, config: Config, learnt: Network | None, key: Array, tell: Callable) -> Found:
    """A texture is imitated on one network; on others, is the imitation as near to it as a second draw?"""
    key_draws, key_networks, key_phases, key_exact = jax.random.split(key, 4)
    shown = held_out.draws(process, min(TEXTURE_SIZE, config.size), key_draws)
    texture = shown["texture"]
    networks = networks_around(texture, key_networks, 1 + HELD_OUT, config.width, learnt)
    used, *others = ((network, grams(network, texture)) for network in networks)
    x, losses = lbfgs.optimised(texture_loss, shown["white noise"], used, config.steps, tell)
    shown |= {"other phases": randomised_phases(texture, key_phases), "synthesised": x}
    shown = {name: pictures.cut_off(each) for name, each in shown.items()}
    numbers = held_out.judged(texture_loss, shown, others)
    numbers["fall"] = losses[0] / losses[-1]
    return numbers | {"exact": exact_case(texture, config.width, key_exact)}, shown, losses


def transferred(
    content: Array, style: Array, config: Config, learnt: Network | None, key: Array, tell: Callable
) -> Found:
    """The content takes the style; the numbers are those of both ends, L_style's also on the networks not used."""
    networks = networks_around(style, key, 1 + HELD_OUT, config.width, learnt)
    used, *others = ((network, grams(network, style)) for network in networks)
    loss_of, content = jax.jit(texture_loss), pictures.cut_off(content)
    aim = features(used[0], content)[CONTENT_LAYER]
    given = (used[0], aim, used[1], config.style_weight, config.smoothness)
    x, losses = lbfgs.optimised(total_loss, content, given, config.steps, tell)
    shown = {"content": content, "style": style, "result": pictures.cut_off(x)}
    numbers = {}
    for name in ("content", "result"):
        found = features(used[0], shown[name])
        style_losses = [float(loss_of(shown[name], *of)) for of in others]
        numbers[name] = {
            "content": float(content_loss(found[CONTENT_LAYER], aim) / aim.size),
            "style": float(style_loss(found, used[1])),
            "style_not_used": style_losses,
        }
    return numbers, shown, losses


def one_call(key: Array, picture: Array, width: int) -> Any:
    """What needs the most memory."""
    network = random_network(key, width, picture)
    given = (network, features(network, picture)[CONTENT_LAYER], grams(network, picture), 1.0, 1.0)
    return lbfgs.descend(total_loss, picture, lbfgs.OPTIMIZER.init(picture), given)


# 4. From the command line.

WRITES = ("style.png", "result.png", "textures.png", "losses.png", "result.json")


def main(config: Config) -> None:
    """Pictures, the classifier if asked for -> textures, judged on other networks -> the transfer -> pictures."""
    started = time.perf_counter()
    given = {name: read(name, path, config.size) for name, path in config.pictures().items()}
    learning = learning_for("cifar10", config.synthetic, config.quick)
    largest = jax.ShapeDtypeStruct((config.size, config.size, 3), jnp.float32)
    widest = max(config.width, CLASSIFIER_WIDEST * (config.features == "classifier"))
    check_memory("size or width", partial(one_call, width=widest), jax.random.key(0), largest)
    if config.features == "classifier":
        images = load("cifar10", "train", config.data_dir, config.synthetic, config.quick)
        check_cache(config.cache)
    prepare_folder(config.out, "style_transfer", WRITES)
    learnt = of_classifier(trained(learning, images, config.cache)[0]) if config.features == "classifier" else None
    key_style, key_runs = jax.random.split(jax.random.key(config.seed))
    with phase("drawing a content and a style"):
        content = given["content"] if "content" in given else landscape(config.size)
        style = given["style"] if "style" in given else dots(key_style, config.size)
    runs = {} if given else {name: partial(imitated, TEXTURES[name]) for name in TEXTURES}
    runs["transfer"] = partial(transferred, jnp.asarray(content), jnp.asarray(style))
    numbers, shown, curves = ({name: [] for name in runs} for _ in range(3))
    with progress_bar() as bar:
        task = bar.add_task("L-BFGS", total=config.seeds * len(runs) * config.steps, numbers="compiling")
        for i in range(config.seeds):
            keys = jax.random.split(jax.random.fold_in(key_runs, i), len(runs))
            for done, ((name, run), key) in enumerate(zip(runs.items(), keys, strict=True), i * len(runs)):

                def tell(losses, name=name, done=done):
                    said = f"{name}: loss {losses[-1]:.1e}, at first {losses[0]:.1e}"
                    bar.update(task, completed=min(done * config.steps + len(losses), bar.tasks[0].total), numbers=said)

                for kept, found in zip((numbers, shown, curves), run(config, learnt, key, tell), strict=True):
                    kept[name].append(found)
            save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        *textures, transfer = ((name, of_seeds[0]) for name, of_seeds in shown.items())
        save_picture(pictures.to_bytes(transfer[1]["result"]), config.out / "result.png")
        save_figure(config.out, "style.png", pictures.transfer(transfer[1]))
        save_figure(config.out, "losses.png", pictures.losses(curves))
        if textures:
            multiples = {name: numbers[name][0]["multiples"] for name, _ in textures}
            save_figure(config.out, "textures.png", pictures.textures(dict(textures), multiples))
    style_report.report(numbers, config.seeds, config.out)


if __name__ == "__main__":
    command_line(Config, main, __doc__)
