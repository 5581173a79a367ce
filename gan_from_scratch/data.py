"""MNIST and CIFAR-10 as arrays of bytes, from files that are read with suspicion.

The files are looked for in `data_dir`, else in the folder that GAN_DATA_DIR names, else downloaded once into a cache.
A file is what it should be, or it is refused in one sentence that names it, what was expected and what was found.
Nothing is unpickled, an archive's members are read by name, and never is more read than a right file holds.
"""

import gzip
import hashlib
import io
import logging
import os
import struct
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pooch
from jaxtyping import UInt8
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from gan_from_scratch import check

Dataset = tuple[UInt8[np.ndarray, "n h w c"], UInt8[np.ndarray, " n"]]

SPLITS = ("train", "test")
SHAPES = {"mnist": (28, 28, 1), "cifar10": (32, 32, 3)}
CLASSES = {
    "mnist": tuple("0123456789"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}


@dataclass(frozen=True)
class Download:
    """A file as it is distributed: its name, where copies of it are, and the SHA-256 of what it holds.

    Of a gzipped file it is that of the uncompressed content, so that any mirror's compression serves.
    """

    name: str
    mirrors: tuple[str, ...]
    sha256: str
    bytes: int  # that the hash is taken of

    def urls(self) -> list[str]:
        return [mirror + self.name for mirror in self.mirrors]


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
)
CIFAR10_FOLDER = "cifar-10-batches-bin"
CIFAR10_FILES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
RECORDS, RECORD = 10_000, 1 + 3 * 32 * 32  # in a file; bytes of each: a label, then the red, green and blue plane
ARCHIVE_BYTES = 6 * RECORDS * RECORD + 2**20  # unpacked: six files of records, tar's headers, two small texts


# The two data sets


def mnist(split: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Images (n, 28, 28, 1) and labels (n,): 60,000 for "train", 10,000 for "test".

    `data_dir` holds the four IDX files, gzipped or not, or has a folder `mnist` or `MNIST/raw` that does.
    ValueError for a wrong file, FileNotFoundError for a missing one, ConnectionError where no mirror answers.
    """
    check.one_of("split", split, SPLITS)
    folder, n = _folder(data_dir), MNIST_COUNT[split]
    arrays = []
    for download, shape in zip(MNIST[split], [(n, 28, 28), (n,)], strict=True):
        plain = download.name.removesuffix(".gz")
        names = [name + end for name in (plain, plain.replace("-idx", ".idx")) for end in ("", ".gz")]
        path = (
            _find(folder, [Path(where, name) for where in ("", "mnist", "MNIST/raw") for name in names], MNIST[split])
            if folder
            else _fetched(download, MNIST[split])
        )
        arrays.append(parse_idx(str(path), _read(path, download.bytes), shape))
    images, labels = arrays
    _check_labels(str(path), labels)
    return images[..., None], labels


def cifar10(split: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Images (n, 32, 32, 3) and labels (n,): 50,000 for "train", 10,000 for "test".

    `data_dir` holds cifar-10-binary.tar.gz, the folder cifar-10-batches-bin or its files, or has a folder `cifar10`
    that does. Errors as for `mnist`.
    """
    check.one_of("split", split, SPLITS)
    folder, names = _folder(data_dir), CIFAR10_FILES[split]
    if folder:
        places = [Path(where, *rest) for where in ("", "cifar10") for rest in ([CIFAR10_FOLDER], [])]
        candidates = [place / names[0] for place in places] + [place / CIFAR10.name for place in places]
        path = _find(folder, candidates, [CIFAR10])
    else:
        path = _fetched(CIFAR10, [CIFAR10])
    if path.name == CIFAR10.name:
        contents = _members(path, names)
    else:
        contents = {str(file): _read(file, RECORDS * RECORD) for file in (path.with_name(name) for name in names)}
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
        found = f"{len(content):,}" if len(content) < size else "more"  # _read stops one byte later
        raise ValueError(f"{where}: expected {size:,} bytes, found {found}")


def _check_labels(where: str, labels: UInt8[np.ndarray, " n"]) -> None:
    if labels.max() > 9:
        first = int(np.argmax(labels > 9))
        raise ValueError(f"{where}: expected labels from 0 to 9, found {labels[first]} at place {first:,}")


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{length:,}" for length in shape)


# Reading: files to bytes


def _read(path: Path, size: int) -> bytes:
    """What the file holds, unpacked if it is gzipped; of a file that holds more than `size` bytes, one more."""
    with open(path, "rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    try:
        with (gzip.open if gzipped else open)(path, "rb") as file:
            return file.read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: expected a whole gzip file, found a damaged one ({error})") from None


def _members(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The wanted files of the CIFAR-10 archive. It is unpacked in memory, and no further than the right one goes."""
    content = _read(path, ARCHIVE_BYTES)
    if len(content) > ARCHIVE_BYTES:
        raise ValueError(f"{path}: expected at most {ARCHIVE_BYTES:,} bytes unpacked, found more")
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for name in names:
                where = f"{path}: {CIFAR10_FOLDER}/{name}"
                member = archive.getmember(f"{CIFAR10_FOLDER}/{name}")
                if not member.isreg():
                    raise ValueError(f"{where}: expected a file, found a link, folder or device")
                found[where] = archive.extractfile(member).read(RECORDS * RECORD + 1)
    except KeyError:
        raise ValueError(f"{where}: expected in the archive, found no file of that name") from None
    except (tarfile.TarError, EOFError, OverflowError) as error:
        raise ValueError(f"{path}: expected a tar archive, found a damaged one ({error})") from None
    return found


# Finding: in a folder, or in a mirror


def _folder(data_dir: str | os.PathLike | None) -> Path | None:
    """Where the user keeps data sets, or None."""
    name, value = ("data_dir", data_dir) if data_dir is not None else ("GAN_DATA_DIR", os.environ.get("GAN_DATA_DIR"))
    if not value:
        return None
    if not Path(value).is_dir():
        raise FileNotFoundError(f"{name} is {str(value)!r}, but must be a folder")
    return Path(value)


def _find(folder: Path, candidates: Sequence[Path], downloads: Sequence[Download]) -> Path:
    for candidate in candidates:
        if (folder / candidate).is_file():
            return folder / candidate
    raise FileNotFoundError(f"{folder} has no {candidates[0]}. {_instructions(downloads)}")


def _instructions(downloads: Sequence[Download]) -> str:
    lines = ["Put these files into a folder and name it with data_dir (--data-dir) or GAN_DATA_DIR:"]
    for download in downloads:
        what = "" if download.name.endswith(".tar.gz") else " when unpacked"
        lines += [f"  {download.name}, SHA-256{what} {download.sha256}, from"]
        lines += [f"    {url}" for url in download.urls()]
    return "\n".join(lines)


def _fetched(download: Download, downloads: Sequence[Download]) -> Path:
    """The file in the cache, downloaded if it is not there: each mirror in turn, and then all of them once more.

    Where that fails, the error explains how to provide all `downloads`, of which this is one.
    """
    cache, failures = pooch.os_cache("gan_from_scratch"), {}
    for url in 2 * download.urls():
        try:
            with _quiet(), _progress(download.name) as bar:
                downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=30)
                path = Path(pooch.retrieve(url, None, fname=download.name, path=cache, downloader=downloader))
            found = _sha256(path, download)
        except (OSError, ValueError) as error:  # no answer; a damaged file
            failures[url] = error
            Path(cache, download.name).unlink(missing_ok=True)
            continue
        if found == download.sha256:
            return path
        failures[url] = f"expected SHA-256 {download.sha256}, found {found}"
        path.unlink()
    reasons = "\n".join(f"  {url}: {failure}" for url, failure in failures.items())
    raise ConnectionError(f"no mirror gave {download.name}:\n{reasons}\n{_instructions(downloads)}")


def _sha256(path: Path, download: Download) -> str:
    content = path.read_bytes() if download.name.endswith(".tar.gz") else _read(path, download.bytes)
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """pooch logs the hash of what it fetched and asks for it to be pinned, which is done here after unpacking."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _progress(name: str) -> Iterator["_Bar"]:
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, TimeRemainingColumn(), transient=True) as progress:
        yield _Bar(progress, name)


class _Bar:
    """rich's progress bar with the methods that pooch calls."""

    def __init__(self, progress: Progress, name: str):
        self._progress, self._task = progress, progress.add_task(name, total=None, visible=False)

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, total: int) -> None:
        self._progress.update(self._task, total=total or None, visible=True)

    def update(self, advance: int) -> None:
        self._progress.advance(self._task, advance)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        pass
