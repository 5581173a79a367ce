"""Images judged by Parzen windows, as in Table 1 of Goodfellow et al. 2014."""

from typing import Any

import numpy as np

from experiments.command.progress import phase
from gan_from_scratch.images.parzen import SIGMAS, parzen_log_densities, parzen_log_likelihood

PAPER_MEAN, PAPER_ERROR = 225, 2  # Table 1: adversarial nets on MNIST


def pixels(images: np.ndarray) -> np.ndarray:
    """Bytes (n, h, w, c) to (n, pixels) in [0, 1]."""
    return images.reshape(len(images), -1) / 255


def curve(images: np.ndarray, validation: np.ndarray) -> np.ndarray:
    """For each of SIGMAS the mean log-likelihood [nats] of validation images. All images are uint8 (n, h, w, c)."""
    return parzen_log_densities(pixels(images), pixels(validation), SIGMAS).mean(axis=1)


@phase("Parzen windows")
def estimate(images: np.ndarray, validation: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """The test images' log-likelihood at the sigma that validation images choose, and those images' for each sigma."""
    of_sigma = curve(images, validation)
    sigma = SIGMAS[np.argmax(of_sigma)]
    found = parzen_log_likelihood(pixels(images), pixels(test), sigma)
    return {"images": len(images), "sigma": sigma, **found._asdict(), "validation": of_sigma.tolist()}


def drawn(images: np.ndarray, n: int) -> np.ndarray:
    """n of them, or all, without return: which ones they are moves the real images' number by some nats."""
    return images[np.random.default_rng(0).permutation(len(images))[:n]]
