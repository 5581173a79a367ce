"""Files that others made: found in a folder or a mirror, and read with suspicion.

Files are looked for in `data_dir`, else in the folder that GAN_DATA_DIR names, else downloaded once into a cache.
Whatever is wrong ends in one sentence that names the file, what was expected and what was found; where a file is
missing, the addresses of all that are needed follow. Nothing is unpickled, an archive's members are read by name, and
never is more read than a right file holds.
"""

import gzip
import hashlib
import io
import logging
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pooch
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


@dataclass(frozen=True)
class Download:
    """A file as it is distributed: its name, where copies of it are, and the SHA-256 and the size of what it holds.

    Both are of the uncompressed content, so that any mirror's compression serves; unless `uncompressed` is False, then
    of the file as it is.
    """

    name: str
    mirrors: tuple[str, ...]
    sha256: str
    bytes: int
    uncompressed: bool = True

    def urls(self) -> list[str]:
        return [mirror + self.name for mirror in self.mirrors]


# Finding: in a folder, or in a mirror


def locate(
    data_dir: str | os.PathLike | None,
    alternatives: Sequence[Sequence[Path]],
    download: Download,
    needed: Sequence[Download],
) -> list[Path]:
    """The files of the first alternative that the user's folder has, or without such a folder `download` alone.

    FileNotFoundError or ConnectionError explains how to provide all that is `needed`, of which `download` is one.
    """
    folder = _folder(data_dir)
    return _find(folder, alternatives, needed) if folder else [_fetched(download, needed)]


def _folder(data_dir: str | os.PathLike | None) -> Path | None:
    """Where the user keeps data sets, or None."""
    name, value = ("data_dir", data_dir) if data_dir is not None else ("GAN_DATA_DIR", os.environ.get("GAN_DATA_DIR"))
    if not value:
        return None
    if not os.path.isdir(Path(value)):  # Path.is_dir raises where it may not look, before Python 3.14
        raise FileNotFoundError(f"{name} is {str(value)!r}, but must be a folder that can be read")
    return Path(value)


def _find(folder: Path, alternatives: Sequence[Sequence[Path]], needed: Sequence[Download]) -> list[Path]:
    lacking = []
    for names in alternatives:
        missing = [name for name in names if not _is_file(folder / name)]
        if not missing:
            return [folder / name for name in names]
        lacking.append((len(missing) / len(names), missing[0]))
    _, name = min(lacking, key=lambda part: part[0])  # of the most complete alternative, the first among equals
    raise FileNotFoundError(f"{folder} has no file {name}. {_instructions(needed)}")


def _is_file(path: Path) -> bool:
    """As Path.is_file, which since Python 3.14 says False even where it may not look."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(path, error) from None


def _instructions(needed: Sequence[Download]) -> str:
    lines = ["Put these files into a folder and name it with data_dir (--data-dir) or GAN_DATA_DIR:"]
    for download in needed:
        what = " when unpacked" if download.uncompressed else ""
        lines += [f"  {download.name}, SHA-256{what} {download.sha256}, from"]
        lines += [f"    {url}" for url in download.urls()]
    return "\n".join(lines)


def _fetched(download: Download, needed: Sequence[Download]) -> Path:
    """The file in the cache, downloaded if it is not there: each mirror in turn, and then all of them once more."""
    cache, failures = pooch.os_cache("gan_from_scratch"), {}
    for url in 2 * download.urls():
        try:
            with _quiet(), _progress(download.name) as bar:
                downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=30)
                path = Path(pooch.retrieve(url, None, fname=download.name, path=cache, downloader=downloader))
            found = hashlib.sha256(read(path, download.bytes, unpack=download.uncompressed)).hexdigest()
            if found == download.sha256:
                return path
            failures[url] = f"expected SHA-256 {download.sha256}, found {found}"
        except (OSError, ValueError) as error:  # no answer, a cache that refuses, a damaged file
            failures[url] = error
        with suppress(OSError):  # what cannot be deleted fails again and is told then
            Path(cache, download.name).unlink()
    reasons = "\n".join(f"  {url}: {failure}" for url, failure in failures.items())
    raise ConnectionError(f"no mirror gave {download.name}:\n{reasons}\n{_instructions(needed)}")


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


# Reading: files to bytes


def read(path: Path, size: int, unpack: bool = True) -> bytes:
    """What the file holds, unpacked if it is gzipped; of a file that holds more than `size` bytes, one more.

    ValueError for a damaged gzip file, the system's kind of OSError for a file that cannot be read.
    """
    try:
        with open(path, "rb") as file:
            gzipped = unpack and file.read(2) == b"\x1f\x8b"
        with (gzip.open if gzipped else open)(path, "rb") as file:
            return file.read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: expected a whole gzip file, found a damaged one ({error})") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def members(path: Path, names: Sequence[str], size: int, unpacked: int) -> dict[str, bytes]:
    """Files of a tar archive, by where they are; of one that holds more than `size` bytes, one more.

    The archive is unpacked in memory. ValueError for a damaged one, one that lacks a name, or one of more than
    `unpacked` bytes.
    """
    content = read(path, unpacked)
    if len(content) > unpacked:
        raise ValueError(f"{path}: expected at most {unpacked:,} bytes unpacked, found more")
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for name in names:
                where = f"{path}: {name}"
                member = archive.getmember(name)
                if not member.isreg():
                    raise ValueError(f"{where}: expected a file, found a link, folder or device")
                found[where] = archive.extractfile(member).read(size + 1)
    except KeyError:
        raise ValueError(f"{where}: expected in the archive, found no file of that name") from None
    except (tarfile.TarError, EOFError, OverflowError) as error:
        raise ValueError(f"{path}: expected a tar archive, found a damaged one ({error})") from None
    return found


def _unreadable(path: Path, error: OSError) -> OSError:
    return type(error)(f"{path} cannot be read: {error.strerror}")
