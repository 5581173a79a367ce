"""Data sets that are right become arrays, and any other is refused in one sentence."""

import gzip
import hashlib
import io
import os
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gan_from_scratch.data
from gan_from_scratch.images import data

RNG = np.random.default_rng(0)
REAL = os.environ.get("GAN_DATA_DIR")


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">I{array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def small_mnist(monkeypatch):
    """As if MNIST had 7 training and 5 test images."""
    monkeypatch.setattr(data, "MNIST_COUNT", {"train": 7, "test": 5})
    return {
        split: (RNG.integers(0, 256, (n, 28, 28), np.uint8), RNG.integers(0, 10, n, np.uint8))
        for split, n in data.MNIST_COUNT.items()
    }


def write_mnist(folder: Path, arrays: dict, pack=lambda content: content, rename=lambda name: name) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split, parts in arrays.items():
        for download, array in zip(data.MNIST[split], parts, strict=True):
            (folder / rename(download.name.removesuffix(".gz"))).write_bytes(pack(idx(array)))


@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("split", data.SPLITS)
def test_mnist_from_a_folder(tmp_path, small_mnist, place, packed, split):
    if packed:
        write_mnist(tmp_path / place, small_mnist, gzip.compress, lambda name: name + ".gz")
    else:
        write_mnist(tmp_path / place, small_mnist)
    images, labels = data.mnist(split, tmp_path)
    np.testing.assert_array_equal(images[..., 0], small_mnist[split][0])
    np.testing.assert_array_equal(labels, small_mnist[split][1])
    assert images.dtype == labels.dtype == np.uint8


def test_names_with_a_dot_are_found_too(tmp_path, small_mnist):
    write_mnist(tmp_path, small_mnist, rename=lambda name: name.replace("-idx", ".idx"))
    assert data.mnist("test", tmp_path)[0].shape == (5, 28, 28, 1)


def test_the_environment_names_the_folder_and_the_argument_comes_first(tmp_path, small_mnist, monkeypatch):
    write_mnist(tmp_path / "named", small_mnist)
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path / "named"))
    assert len(data.mnist("train")[0]) == 7
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty has no file train-images-idx3-ubyte"):
        data.mnist("train", tmp_path / "empty")
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"GAN_DATA_DIR is .*nowhere.*must be a folder"):
        data.mnist("train")


def test_a_missing_file_is_asked_for_with_address_and_hash(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        data.mnist("test", tmp_path)
    for download in [*data.MNIST["train"], *data.MNIST["test"]]:
        assert download.sha256 in str(error.value) and all(url in str(error.value) for url in download.urls())
    with pytest.raises(FileNotFoundError, match=data.CIFAR10.sha256):
        data.cifar10("test", tmp_path)


@pytest.mark.parametrize("part", ["images-idx3", "labels-idx1"])
def test_a_part_of_mnist_that_is_missing_is_named(tmp_path, small_mnist, part):
    write_mnist(tmp_path, small_mnist)
    (tmp_path / f"t10k-{part}-ubyte").unlink()
    with pytest.raises(FileNotFoundError) as error:
        data.mnist("test", tmp_path)
    assert str(error.value).startswith(f"{tmp_path} has no file t10k-{part}-ubyte. Put these files into a folder")


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda files: files["images"].write_bytes(files["labels"].read_bytes()), "magic number 2051, found 2049"),
        (lambda files: files["labels"].write_bytes(files["images"].read_bytes()), "magic number 2049, found 2051"),
        (lambda files: files["images"].write_bytes(files["other"].read_bytes()), "5 x 28 x 28 .* 7 x 28 x 28"),
        (lambda files: files["images"].write_bytes(b""), "3,936 bytes, found 0"),
        (lambda files: files["images"].write_bytes(files["images"].read_bytes()[:-1]), "3,936 bytes, found 3,935"),
        (lambda files: files["images"].write_bytes(files["images"].read_bytes() + b"x"), "3,936 bytes, found more"),
        (lambda files: files["images"].write_bytes(b"<!DOCTYPE html><html>"), "found 1008813135"),
        (
            lambda files: files["images"].write_bytes(gzip.compress(files["images"].read_bytes())[:-9]),
            "found a damaged one",
        ),
        (lambda files: files["labels"].write_bytes(idx(np.array([1, 2, 77, 3, 4], np.uint8))), "found 77 at place 2"),
    ],
)
def test_a_wrong_file_is_named_with_what_was_expected_and_found(tmp_path, small_mnist, break_it, named):
    write_mnist(tmp_path, small_mnist)
    names = {"images": "t10k-images-idx3", "labels": "t10k-labels-idx1", "other": "train-images-idx3"}
    files = {kind: tmp_path / f"{name}-ubyte" for kind, name in names.items()}
    break_it(files)
    with pytest.raises(ValueError, match=f"{tmp_path}.*ubyte: expected .*{named}"):
        data.mnist("test", tmp_path)


@given(content=st.binary(max_size=60), n=st.integers(0, 5))
def test_any_bytes_are_an_array_or_one_sentence(content, n):
    for shape in ((n,), (n, 2, 2)):
        try:
            array = data.parse_idx("file", content, shape)
        except ValueError as error:
            assert str(error).startswith("file: expected ") and "\n" not in str(error)
        else:
            assert array.shape == shape and content == idx(array)


# CIFAR-10


@pytest.fixture
def small_cifar10(monkeypatch):
    """As if each of CIFAR-10's files had 3 records."""
    monkeypatch.setattr(data, "RECORDS", 3)
    return {name: records(3) for names in data.CIFAR10_FILES.values() for name in names}


def records(n: int) -> bytes:
    rows = RNG.integers(0, 256, (n, data.RECORD), np.uint8)
    rows[:, 0] %= 10
    return rows.tobytes()


def archive(files: dict[str, bytes], kind=tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def in_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{data.CIFAR10_FOLDER}/{name}": content for name, content in files.items()}


@pytest.mark.parametrize("place", ["", "cifar10"])
@pytest.mark.parametrize("how", ["folder", "files", "archive"])
def test_cifar10_from_a_folder(tmp_path, small_cifar10, place, how):
    where = tmp_path / place / (data.CIFAR10_FOLDER if how == "folder" else "")
    where.mkdir(parents=True, exist_ok=True)
    if how == "archive":
        (where / data.CIFAR10.name).write_bytes(archive(in_folder(small_cifar10)))
    else:
        for name, content in small_cifar10.items():
            (where / name).write_bytes(content)
    images, labels = data.cifar10("train", tmp_path)
    assert images.shape == (15, 32, 32, 3) and labels.shape == (15,)
    # the 4th record is the first of the second file: its label, then red, green and blue planes row by row
    record = np.frombuffer(small_cifar10["data_batch_2.bin"], np.uint8)[: data.RECORD]
    assert labels[3] == record[0]
    assert images[3, 2, 5, 1] == record[1 + 1024 + 2 * 32 + 5]
    assert data.cifar10("test", tmp_path)[0].shape == (3, 32, 32, 3)


@pytest.mark.parametrize("place", [".", "cifar10/cifar-10-batches-bin"])
@pytest.mark.parametrize("missing", ["data_batch_1.bin", "data_batch_2.bin", "data_batch_5.bin"])
def test_a_part_of_cifar10_that_is_missing_is_named(tmp_path, small_cifar10, place, missing):
    with pytest.raises(FileNotFoundError) as nothing_there:
        data.cifar10("train", tmp_path)
    where = tmp_path / place
    where.mkdir(parents=True, exist_ok=True)
    for name in small_cifar10.keys() - {missing}:
        (where / name).write_bytes(small_cifar10[name])
    with pytest.raises(FileNotFoundError) as error:
        data.cifar10("train", tmp_path)
    sentence, instructions = str(error.value).split(" Put ")
    assert sentence == f"{tmp_path} has no file {Path(place, missing)}."
    assert instructions == str(nothing_there.value).split(" Put ")[1]
    # a folder of that name is no file
    (where / missing).mkdir()
    with pytest.raises(FileNotFoundError) as again:
        data.cifar10("train", tmp_path)
    assert str(again.value) == str(error.value)
    # and the whole archive beside the files serves
    (tmp_path / data.CIFAR10.name).write_bytes(archive(in_folder(small_cifar10)))
    assert data.cifar10("train", tmp_path)[0].shape == (15, 32, 32, 3)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (lambda files: archive(files), "expected in the archive, found no file of that name"),
        (lambda files: archive(in_folder(files), tarfile.SYMTYPE), "expected a file, found a link"),
        (lambda files: archive({k: v[:-1] for k, v in in_folder(files).items()}), "expected 9,219 bytes, found 9,218"),
        (lambda files: archive({k: v + b"x" for k, v in in_folder(files).items()}), "expected 9,219 bytes, found more"),
        (lambda files: archive({k: b"\xff" * 9219 for k in in_folder(files)}), "found 255 at place 0"),
        (lambda files: archive(in_folder(files))[:-200], "found a damaged one"),
        (lambda files: b"not an archive at all", "found a damaged one"),
        (lambda files: b"", "found a damaged one"),
    ],
)
def test_a_wrong_archive_is_named(tmp_path, small_cifar10, content, named):
    (tmp_path / data.CIFAR10.name).write_bytes(content(small_cifar10))
    with pytest.raises(ValueError, match=f"{data.CIFAR10.name}.*: expected.*{named}|: .*{named}"):
        data.cifar10("train", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [data.CIFAR10.name]  # nothing was extracted


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, small_cifar10, monkeypatch):
    monkeypatch.setattr(data, "ARCHIVE_BYTES", 10_000)
    (tmp_path / data.CIFAR10.name).write_bytes(archive(in_folder(small_cifar10)))
    with pytest.raises(ValueError, match="expected at most 10,000 bytes unpacked, found more"):
        data.cifar10("test", tmp_path)


# The rest


def test_the_public_names_are_handed_on():
    for name in set(gan_from_scratch.data.__all__) - {"sampler"}:
        assert getattr(gan_from_scratch.data, name) is getattr(data, name)


@pytest.mark.parametrize("name", data.SHAPES)
def test_synthetic_images_have_the_shape_and_classes_that_look_alike(name):
    images, labels = data.synthetic(name, 400)
    assert images.shape == (400, *data.SHAPES[name]) and images.dtype == labels.dtype == np.uint8
    again, _ = data.synthetic(name, 400)
    np.testing.assert_array_equal(images, again)
    assert set(labels) == set(range(10))
    # the nearest class mean is right far more often than one time in ten
    half, flat = 200, images.mean(axis=-1).reshape(400, -1)
    means = np.stack([flat[:half][labels[:half] == c].mean(axis=0) for c in range(10)])
    nearest = ((flat[half:, None] - means) ** 2).sum(axis=-1).argmin(axis=1)
    assert np.mean(nearest == labels[half:]) > 0.5


def test_classes_are_chosen_by_name():
    dataset = data.synthetic("cifar10", 50)
    names = data.CLASSES["cifar10"]
    images, labels = data.of_classes(dataset, names, ["frog", "ship"])
    assert set(labels) <= {6, 8} and len(images) == np.isin(dataset[1], [6, 8]).sum()
    for wanted, named in (([], "classes is empty"), (["toad"], "classes is 'toad'")):
        with pytest.raises(ValueError, match=named):
            data.of_classes(dataset, names, wanted)


@pytest.mark.parametrize("load", [data.mnist, data.cifar10])
def test_an_unknown_split_is_named(load):
    with pytest.raises(ValueError, match="split is 'valid', but must be one of test, train"):
        load("valid")


@pytest.mark.skipif(not REAL, reason="GAN_DATA_DIR is not set")
@pytest.mark.parametrize("split", data.SPLITS)
def test_real_mnist(split):
    images, labels = data.mnist(split)
    content = [idx(images[..., 0]), idx(labels)]
    assert [hashlib.sha256(part).hexdigest() for part in content] == [file.sha256 for file in data.MNIST[split]]


@pytest.mark.skipif(not REAL, reason="GAN_DATA_DIR is not set")
def test_real_cifar10():
    try:
        images, labels = data.cifar10("train")
    except FileNotFoundError:
        pytest.skip("GAN_DATA_DIR has no CIFAR-10")
    assert images.shape == (50_000, 32, 32, 3)
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 5_000))
