"""A small classifier, in whose features image GANs are judged (MNIST 3 minutes, CIFAR-10 20 to 35).

It is kept, and with the same settings and images never trained again. Writes result.json.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.quick import smaller
from experiments.command.results import save_result
from experiments.image_runs.classifier import Learning, check_cache, trained
from experiments.image_runs.images import check_batch, load
from gan_from_scratch import data


@dataclass(frozen=True)
class Config:
    """Which data, how long, and where it is kept."""

    learning: tyro.conf.OmitArgPrefixes[Learning]  # a default would settle what depends on --data
    """Which data, and how long."""
    out: Path = Path("runs/classifier")
    """Folder for the result."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    cache: Path | None = None
    """Folder in which trained classifiers are kept. None: the user's cache folder."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 1 epoch of 12,000 images, width 4."""

    def __post_init__(self):
        if self.quick:
            object.__setattr__(self, "learning", smaller(self.learning, epochs=1, width=4))


def main(config: Config) -> None:
    """Images -> classifier, trained or found -> its accuracy."""
    started = time.perf_counter()
    learning, name = config.learning, config.learning.data
    images, (test, labels) = (
        load(name, split, config.data_dir, learning.synthetic, config.quick) for split in data.SPLITS
    )
    check_batch(learning.batch, len(images[0]))
    check_cache(config.cache)
    prepare_folder(config.out, "classifier", ("result.json",))
    judge, trained_for = trained(learning, images, config.cache)
    predicted = judge(test)[0].argmax(axis=1)
    per_class = {
        label: float(np.mean(predicted[labels == i] == i))
        for i, label in enumerate(data.CLASSES[name])
        if np.any(labels == i)
    }
    accuracy = float(np.mean(predicted == labels))
    numbers = {"test_accuracy": accuracy, "of_class": per_class, "test_images": len(test), "trained_s": trained_for}
    save_result(config.out, config, started, numbers)
    how = "found in the cache" if trained_for is None else f"trained in {trained_for / 60:.1f} minutes"
    print(f"{name}: {100 * accuracy:.2f} % of {len(test):,} test images right; {how}; results in {config.out}")


if __name__ == "__main__":
    command_line(Config, main, __doc__)
