"""No bytes on a disk and no answer of a mirror end in anything but what was asked for or one sentence."""

import errno
import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_from_scratch.images import files

CONTENT = np.random.default_rng(0).bytes(100)
MIRRORS = ("https://a/", "https://b/", "https://c/")
WANTED = files.Download("file.gz", MIRRORS, hashlib.sha256(CONTENT).hexdigest(), 100)


# Reading


@given(seed=st.integers(0, 2**31), cut=st.integers(0, 30), place=st.integers(0, 200), value=st.integers(0, 255))
def test_a_damaged_gzip_file_is_read_or_refused(tmp_path_factory, seed, cut, place, value):
    path = tmp_path_factory.mktemp("gz") / "file.gz"
    packed = bytearray(gzip.compress(np.random.default_rng(seed).bytes(200)))
    packed[place % len(packed)] = value
    path.write_bytes(packed[: len(packed) - cut])
    try:
        assert len(files.read(path, 100)) <= 101
    except ValueError as error:
        assert str(path) in str(error)


def test_never_more_is_unpacked_than_asked_for(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(10**7)))
    assert len(files.read(tmp_path / "bomb.gz", 1000)) == 1001


@settings(max_examples=100)
@given(place=st.integers(0, 2000), value=st.integers(0, 255), cut=st.integers(0, 2000))
def test_a_damaged_tar_file_is_read_or_refused(tmp_path_factory, place, value, cut):
    path = tmp_path_factory.mktemp("tar") / "archive.tar.gz"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("folder/file")
        member.size = 3073
        tar.addfile(member, io.BytesIO(bytes(range(256)) * 13))
    content = bytearray(buffer.getvalue())
    content[place] = value
    path.write_bytes(gzip.compress(bytes(content[: len(content) - cut]), compresslevel=0))
    try:
        found = files.members(path, ["folder/file"], 3000, 20_000)
    except ValueError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert len(next(iter(found.values()))) <= 3001


# Finding in a folder


def locate(folder: Path, *alternatives: list[str]) -> list[str]:
    """The names of the files that are found."""
    found = files.locate(folder, [[Path(name) for name in names] for names in alternatives], WANTED, [WANTED])
    return [str(path.relative_to(folder)) for path in found]


def test_the_first_complete_alternative_is_taken(tmp_path):
    for name in ("a1", "b1", "b2", "c"):
        (tmp_path / name).touch()
    assert locate(tmp_path, ["a1", "a2"], ["b1", "b2"], ["c"]) == ["b1", "b2"]


def test_the_missing_file_of_the_most_complete_alternative_is_named(tmp_path):
    for name in ("b1", "b2"):
        (tmp_path / name).touch()
    with pytest.raises(FileNotFoundError) as error:
        locate(tmp_path, ["a1", "a2"], ["b1", "b2", "b3"], ["c"])
    assert str(error.value).startswith(f"{tmp_path} has no file b3. Put these files into a folder")


def test_a_folder_of_the_same_name_is_no_file(tmp_path):
    """As some archives of MNIST have it, beside the same file with a dot in its name."""
    (tmp_path / "train-idx").mkdir()
    with pytest.raises(FileNotFoundError, match="has no file train-idx"):
        locate(tmp_path, ["train-idx"], ["train.idx"])
    (tmp_path / "train.idx").touch()
    assert locate(tmp_path, ["train-idx"], ["train.idx"]) == ["train.idx"]


@pytest.mark.parametrize("place", ["file", "file/folder", "nowhere", "x" * 5000, "with\0zero"])
def test_a_folder_that_is_none_is_named(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError) as error:
        locate(tmp_path / place, ["file"])
    assert str(error.value) == f"data_dir is {str(tmp_path / place)!r}, but must be a folder that can be read"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(files, "open", refuse, raising=False)  # a superuser may read everything
    with pytest.raises(PermissionError) as error:
        files.read(tmp_path / "file", 100)
    assert str(error.value) == f"{tmp_path / 'file'} cannot be read: Permission denied"


def test_a_file_that_cannot_be_looked_for_is_named_with_the_reason(tmp_path):
    (tmp_path / "ring").symlink_to("ring")
    with pytest.raises(OSError) as error:
        locate(tmp_path, ["ring"])
    assert str(error.value) == f"{tmp_path / 'ring'} cannot be read: {os.strerror(errno.ELOOP)}"


# Downloads


class Server:
    """Stands in for pooch.retrieve: what each mirror would send."""

    def __init__(self, answers: dict):
        self.answers, self.asked = answers, []

    def __call__(self, url, known_hash, fname, path, downloader):
        self.asked.append(url)
        answer = next(answer for mirror, answer in self.answers.items() if url.startswith(mirror))
        if isinstance(answer, Exception):
            raise answer
        Path(path).mkdir(parents=True, exist_ok=True)
        target = Path(path, fname)
        if not target.exists():
            target.write_bytes(answer)
        return str(target)


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    """Locate WANTED without a folder of data, with the given answers of the three mirrors."""
    monkeypatch.delenv("GAN_DATA_DIR", raising=False)
    monkeypatch.setattr(files.pooch, "os_cache", lambda name: tmp_path / "cache")

    def answered(*answers):
        server = Server(dict(zip(MIRRORS, answers, strict=True)))
        monkeypatch.setattr(files.pooch, "retrieve", server)
        return server, lambda download=WANTED: files.locate(None, [], download, [download])[0]

    return answered


def test_the_first_mirror_that_has_the_right_file_serves(fetch):
    server, get = fetch(OSError("down"), gzip.compress(b"<html>"), gzip.compress(CONTENT, 1))
    assert gzip.decompress(get().read_bytes()) == CONTENT
    assert server.asked == [f"https://{mirror}/file.gz" for mirror in "abc"]


def test_the_hash_may_be_of_the_file_as_it_is(fetch):
    packed = gzip.compress(CONTENT)
    download = files.Download("file.gz", MIRRORS, hashlib.sha256(packed).hexdigest(), len(packed), uncompressed=False)
    _, get = fetch(gzip.compress(CONTENT, 1), packed + b"x", packed)
    assert get(download).read_bytes() == packed


def test_a_mirror_that_fails_once_is_asked_again(fetch, monkeypatch):
    server, get = fetch(OSError("reset"), OSError("down"), OSError("down"))

    def second_time(url, *arguments, **named):
        if len(server.asked) == 3:
            server.answers["https://a/"] = gzip.compress(CONTENT)
        return server(url, *arguments, **named)

    monkeypatch.setattr(files.pooch, "retrieve", second_time)
    assert gzip.decompress(get().read_bytes()) == CONTENT


def test_where_no_mirror_serves_one_message_says_what_to_do(fetch, tmp_path):
    _, get = fetch(OSError("no route"), gzip.compress(b"foreign"), b"\x1f\x8bdamaged")
    with pytest.raises(ConnectionError) as error:
        get()
    for words in ("no route", "expected SHA-256", "damaged", "GAN_DATA_DIR", "https://a/file.gz"):
        assert words in str(error.value)
    assert not list((tmp_path / "cache").iterdir())  # nothing wrong is kept


def test_a_cache_that_is_in_the_way_is_named(fetch, tmp_path):
    (tmp_path / "cache" / "file.gz").mkdir(parents=True)
    _, get = fetch(*3 * [gzip.compress(CONTENT)])
    with pytest.raises(ConnectionError, match=r"cache/file\.gz cannot be read: Is a directory"):
        get()
