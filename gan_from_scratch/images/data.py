"""MNIST and CIFAR-10 as arrays of bytes: what their files are called, where copies are and what is in them.

A file is what it should be, or it is refused in one sentence that names it, what was expected and what was found.
Made-up images of the same shapes stand in where there are no files.
"""

import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from gan_from_scratch import check
from gan_from_scratch.images import files
from gan_from_scratch.images.files import Download

Dataset = tuple[UInt8[np.ndarray, "n h w c"], UInt8[np.ndarray, " n"]]

SPLITS = ("train", "test")
SHAPES = {"mnist": (28, 28, 1), "cifar10": (32, 32, 3)}
CLASSES = {
    "mnist": tuple("0123456789"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}

MNIST_COUNT = {"train": 60_000, "test": 10_000}
MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://yann.lecun.com/exdb/mnist/",
)
MNIST = {  # the images and the labels
    "train": (
        Download(
            "train-images-idx3-ubyte.gz",
            MNIST_MIRRORS,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            47_040_016,
        ),
        Download(
            "train-labels-idx1-ubyte.gz",
            MNIST_MIRRORS,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            60_008,
        ),
    ),
    "test": (
        Download(
            "t10k-images-idx3-ubyte.gz",
            MNIST_MIRRORS,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            7_840_016,
        ),
        Download(
            "t10k-labels-idx1-ubyte.gz",
            MNIST_MIRRORS,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            10_008,
        ),
    ),
}

CIFAR10 = Download(
    "cifar-10-binary.tar.gz",
    # The official server, the last one, has been slow since June 2026.
    ("https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/", "https://www.cs.toronto.edu/~kriz/"),
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    170_052_171,
    uncompressed=False,
)
CIFAR10_FOLDER = "cifar-10-batches-bin"
CIFAR10_FILES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
RECORDS, RECORD = 10_000, 1 + 3 * 32 * 32  # in a file; bytes of each: a label, then the red, green and blue plane
ARCHIVE_BYTES = 6 * RECORDS * RECORD + 2**20  # unpacked: six files of records, tar's headers, two small texts


# The two data sets


def mnist(split: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Images (n, 28, 28, 1) and labels (n,): 60,000 for "train", 10,000 for "test".

    `data_dir` holds the four IDX files, gzipped or not, or has a folder `mnist` or `MNIST/raw` that does.
    ValueError for a wrong file, FileNotFoundError for a missing one, another OSError for one that cannot be read,
    ConnectionError where no mirror answers.
    """
    check.one_of("split", split, SPLITS)
    n = MNIST_COUNT[split]
    arrays = []
    for download, shape in zip(MNIST[split], [(n, 28, 28), (n,)], strict=True):
        plain = download.name.removesuffix(".gz")
        names = [name + end for name in (plain, plain.replace("-idx", ".idx")) for end in ("", ".gz")]
        alternatives = [[Path(where, name)] for where in ("", "mnist", "MNIST/raw") for name in names]
        [path] = files.locate(data_dir, alternatives, download, [*MNIST["train"], *MNIST["test"]])
        arrays.append(parse_idx(str(path), files.read(path, download.bytes), shape))
    images, labels = arrays
    _check_labels(str(path), labels)
    return images[..., None], labels


def cifar10(split: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Images (n, 32, 32, 3) and labels (n,): 50,000 for "train", 10,000 for "test".

    `data_dir` holds cifar-10-binary.tar.gz, the folder cifar-10-batches-bin or its files, or has a folder `cifar10`
    that does. Errors as for `mnist`.
    """
    check.one_of("split", split, SPLITS)
    names, size = CIFAR10_FILES[split], RECORDS * RECORD
    places = [Path(where, *rest) for where in ("", "cifar10") for rest in ([CIFAR10_FOLDER], [])]
    alternatives = [[place / name for name in names] for place in places] + [[place / CIFAR10.name] for place in places]
    paths = files.locate(data_dir, alternatives, CIFAR10, [CIFAR10])
    if paths[0].name == CIFAR10.name:
        contents = files.members(paths[0], [f"{CIFAR10_FOLDER}/{name}" for name in names], size, ARCHIVE_BYTES)
    else:
        contents = {str(path): files.read(path, size) for path in paths}
    parts = [parse_cifar10(where, content) for where, content in contents.items()]
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def synthetic(name: str, n: int, seed: int = 0) -> Dataset:
    """Made-up images with the shape of the data set `name`, for tests and first tries without any file.

    Class c is a bar turned by 18 c degrees, at a random place, of random length, width and (for three channels) colour.
    """
    check.one_of("name", name, SHAPES)
    check.positive_integer("n", n)
    check.seed("seed", seed)
    rng = np.random.default_rng(seed)
    height, width, channels = SHAPES[name]
    labels = rng.integers(0, 10, n).astype(np.uint8)
    row, col = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = (labels * (np.pi / 10))[:, None, None]
    y, x = (center - rng.uniform(-0.2, 0.2, (n, 1, 1)) for center in (row, col))
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    length, thickness = rng.uniform(0.5, 0.8, (n, 1, 1)), rng.uniform(0.08, 0.2, (n, 1, 1))
    bar = 1 / (1 + np.exp(20 * np.maximum(np.abs(along) - length, np.abs(across) - thickness)))
    color = rng.uniform(0.4, 1.0, (n, 1, 1, channels)) if channels > 1 else 1.0
    return (255 * bar[..., None] * color).astype(np.uint8), labels


def of_classes(
    dataset: Dataset, names: Sequence[str], wanted: Sequence[str]
) -> tuple[UInt8[np.ndarray, "m h w c"], UInt8[np.ndarray, " m"]]:
    """The part of a data set whose classes, called `names` in the order of their labels, are `wanted`."""
    images, labels = dataset
    if not wanted:
        raise ValueError(f"classes is empty, but must name at least one of {', '.join(names)}")
    for name in wanted:
        check.one_of("classes", name, names)
    chosen = np.isin(labels, [names.index(name) for name in wanted])
    return images[chosen], labels[chosen]


# Parsing: bytes to arrays


def parse_idx(where: str, content: bytes, shape: tuple[int, ...]) -> UInt8[np.ndarray, "..."]:
    """The array of an IDX file of bytes: two zeros, the type 8, the number of axes, their lengths, the entries."""
    start, magic = 4 + 4 * len(shape), 0x0800 + len(shape)
    if len(content) >= 4 and (found := struct.unpack(">I", content[:4])[0]) != magic:
        raise ValueError(f"{where}: expected an IDX file with magic number {magic}, found {found}")
    if len(content) >= start and (found := struct.unpack(f">{len(shape)}I", content[4:start])) != shape:
        raise ValueError(f"{where}: expected {_times(shape)} entries, found {_times(found)} in its header")
    _check_size(where, content, start + int(np.prod(shape)))
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def parse_cifar10(where: str, content: bytes) -> Dataset:
    """10,000 images (h, w, c) and labels from records of planes."""
    _check_size(where, content, RECORDS * RECORD)
    records = np.frombuffer(content, np.uint8).reshape(RECORDS, RECORD)
    _check_labels(where, records[:, 0])
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), records[:, 0]


def _check_size(where: str, content: bytes, size: int) -> None:
    if len(content) != size:
        found = f"{len(content):,}" if len(content) < size else "more"  # files.read stops one byte later
        raise ValueError(f"{where}: expected {size:,} bytes, found {found}")


def _check_labels(where: str, labels: UInt8[np.ndarray, " n"]) -> None:
    if labels.max() > 9:
        first = int(np.argmax(labels > 9))
        raise ValueError(f"{where}: expected labels from 0 to 9, found {labels[first]} at place {first:,}")


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{length:,}" for length in shape)
