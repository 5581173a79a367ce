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
    for name in writes:
        path = out / name
        if os.path.lexists(path) and path.is_dir() != name.endswith("/"):
            raise ValueError(f"--out is {out}, but {path.name} in it is in the way of what is written there")
    _lock(out, command)
    written = _written(out)
    here = [name for name in writes if os.path.lexists(out / name)]
    if written["command"] not in (None, command) and any(path.name not in (WRITTEN, LOCK) for path in out.iterdir()):
        among = f", {here[0].rstrip('/')} among it" if here else ""
        raise ValueError(f"--out is {out}, but holds what {written['command']} wrote{among}: choose another folder")
    strange = [name for name in here if not name.endswith("/") and not _is_ours(out, name, written)]
    if strange:
        raise ValueError(
            f"--out is {out}, but {command} did not write the {' and the '.join(strange[:5])} in it, or it was changed "
            "since, and would overwrite it: choose another folder, or move it away"
        )
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
    """Put files into the folder's list, if it has one, before they are there; what lies there until then stays in."""
    if (out / WRITTEN).exists():
        written = _written(out)
        old = {name: [digest((out / name).read_bytes())] if (out / name).is_file() else [] for name in digests}
        _save(out, written | {"files": written["files"] | {name: [*old[name], new] for name, new in digests.items()}})


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_ours(out: Path, name: str, written: dict[str, Any]) -> bool:
    path = out / name
    return path.is_file() and not path.is_symlink() and digest(path.read_bytes()) in written["files"].get(name, [])


def _written(out: Path) -> dict[str, Any]:
    """The folder's list. ValueError for a file of that name that is none."""
    path = out / WRITTEN
    try:
        found = json.loads(path.read_text())
        files = {str(name): [str(found) for found in digests] for name, digests in found["files"].items()}
        return {"command": str(found["command"]), "files": files}
    except FileNotFoundError:
        return {"command": None, "files": {}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"--out is {out}, but {path.name} in it is no list of a command's: move it away") from None


def _save(out: Path, written: dict[str, Any]) -> None:
    temporary = out / f"{WRITTEN}-{os.getpid()}"
    try:
        temporary.write_text(json.dumps(written))
        temporary.replace(out / WRITTEN)
    except OSError as error:
        raise type(error)(f"{out / WRITTEN} could not be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _lock(out: Path, command: str) -> None:
    """The system takes the lock away when the process is gone, however it ended; so the file may stay."""
    try:
        file = os.open(
            out / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        )  # never closed: that would give the lock back
    except OSError as error:
        raise ValueError(f"--out is {out}, but {LOCK} in it cannot be opened: {error.strerror}") from None
    holder = os.read(file, 200).decode(errors="replace")
    if holder and not holder.startswith("process "):
        os.close(file)
        raise ValueError(f"--out is {out}, but {LOCK} in it is no lock of a command's: move it away")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(file)
        raise ValueError(
            f"--out is {out}, but {holder or 'another process'} is writing there: wait until it ends, or choose "
            "another folder"
        ) from None
    except OSError:  # a file system without locks
        os.close(file)
        return
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()}, {command},".encode(), 0)
