"""The folder that a command writes into: one process at a time, and no file is overwritten that it did not write.

Beside the files lies .written.json with the command and the SHA-256 of each file that it wrote, so that a file of
somebody else's, or one that was changed since, can be told apart from its own. No file is ever half new.
"""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

WRITTEN, LOCK = ".written.json", ".lock"


def prepare_folder(out: Path, command: str, writes: Iterable[str]) -> None:
    """Make the folder for the files (or folders with a "/" at the end) that the command `writes`.

    ValueError with the reason if they cannot be written there or would take the place of what is not the command's, or
    if another process writes there. Until this one ends no other may.
    """
    check_writable("out", out)
    written = _written(out)
    for name in writes:
        path = out / name
        if os.path.lexists(path) and path.is_dir() != name.endswith("/"):
            raise ValueError(f"--out is {out}, but {path.name} in it is in the way of what is written there")
    here = [name for name in writes if not name.endswith("/") and os.path.lexists(out / name)]
    if written["command"] not in (None, command) and here:
        raise ValueError(
            f"--out is {out}, but holds what {written['command']} wrote, {here[0]} among it: choose another folder"
        )
    for name in here:
        if not _is_ours(out, name, written):
            raise ValueError(
                f"--out is {out}, but {command} did not write the {name} in it, or it was changed since, and would "
                "overwrite it: choose another folder, or move that file away"
            )
    _lock(out, command)
    _save(out, written | {"command": command})


def check_writable(option: str, folder: Path) -> None:
    """Make the folder that an option names, or raise ValueError with the reason why it cannot be written into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "there is a file of that name or on the way to it"
        if not isinstance(error, FileExistsError | NotADirectoryError):
            reason = error.strerror
        raise ValueError(f"--{option} is {folder}, but must be a folder that can be written to: {reason}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that takes its place when the block ends well; the folder's list then has it.

    OSError names the path, also where the disk is full.
    """
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        note(
            path.parent, {path.name: digest(temporary.read_bytes())}
        )  # before the file is there: a kill in between loses nothing
        temporary.replace(path)
    except OSError as error:
        raise type(error)(f"{path} could not be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def note(out: Path, digests: dict[str, str]) -> None:
    """Put files into the folder's list, if it has one. The digest before stays beside the new one until the next."""
    if (out / WRITTEN).exists():
        written = _written(out)
        files = {name: [*written["files"].get(name, [])[-1:], found] for name, found in digests.items()}
        _save(out, written | {"files": written["files"] | files})


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_ours(out: Path, name: str, written: dict[str, Any]) -> bool:
    path = out / name
    return path.is_file() and not path.is_symlink() and digest(path.read_bytes()) in written["files"].get(name, [])


def _written(out: Path) -> dict[str, Any]:
    try:
        found = json.loads((out / WRITTEN).read_text())
        return {"command": found["command"], "files": dict(found["files"])}
    except (OSError, ValueError, KeyError, TypeError):  # none, or none of ours
        return {"command": None, "files": {}}


def _save(out: Path, written: dict[str, Any]) -> None:
    temporary = out / f"{WRITTEN}-{os.getpid()}"
    temporary.write_text(json.dumps(written))
    temporary.replace(out / WRITTEN)


def _lock(out: Path, command: str) -> None:
    """The system takes the lock away when the process is gone, however it ended; so the file may stay."""
    file = os.open(out / LOCK, os.O_RDWR | os.O_CREAT)  # never closed: that would give the lock back
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        holder = os.read(file, 200).decode(errors="replace") or "another process"
        os.close(file)
        raise ValueError(
            f"--out is {out}, but {holder} is writing there: wait until it ends, or choose another folder"
        ) from None
    except OSError:  # a file system without locks
        os.close(file)
        return
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()}, {command},".encode(), 0)
