"""A user's own pictures: every kind that Pillow opens becomes colours in [0, 1], or one sentence says why not."""

import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from experiments.neighbours import user_pictures
from experiments.neighbours.user_pictures import fitting, read

SIDE = 40
RED = (200, 40, 90)


def plain(mode: str, colour) -> Image.Image:
    return Image.new(mode, (SIDE, SIDE), colour)


def palette() -> Image.Image:
    return plain("RGB", RED).quantize(8)


def half_transparent(mode: str) -> Image.Image:
    """Left opaque, right transparent."""
    picture = plain("RGBA", (*RED, 255))
    picture.paste((0, 0, 0, 0), (SIDE // 2, 0, SIDE, SIDE))
    return picture if mode == "RGBA" else picture.convert(mode)


@pytest.mark.parametrize(
    ("picture", "suffix", "colour"),
    [(plain("RGB", RED), "png", RED), (plain("RGB", RED), "jpg", RED), (plain("RGB", RED), "webp", RED),
     (plain("RGB", RED), "bmp", RED), (plain("RGB", RED), "tiff", RED), (palette(), "png", RED),
     (palette(), "gif", RED), (plain("L", 90), "png", (90, 90, 90)), (plain("1", 1), "png", (255, 255, 255)),
     (plain("I;16", 90 * 257), "png", (90, 90, 90)), (plain("I;16", 90 * 257), "tiff", (90, 90, 90)),
     (plain("I;16", 256), "png", (1, 1, 1)), (plain("I;16", 40_000), "png", (156, 156, 156)),
     (plain("CMYK", (0, 255, 255, 0)), "jpg", (255, 0, 0)),
     (plain("YCbCr", (90, 128, 128)), "jpg", (90, 90, 90)), (plain("LA", (90, 255)), "png", (90, 90, 90))],
)  # fmt: skip
def test_every_kind_of_picture_becomes_colours(picture, suffix, colour, tmp_path):
    path = tmp_path / f"picture.{suffix}"
    picture.save(path)
    x = read("content", path, 64)
    assert x.shape == (SIDE, SIDE, 3) and x.dtype == np.float32
    np.testing.assert_allclose(255 * x, np.broadcast_to(colour, x.shape), atol=6 if suffix in ("jpg", "webp") else 0.01)


@pytest.mark.parametrize(
    ("mode", "suffix"), [("RGBA", "png"), ("LA", "png"), ("P", "gif"), ("P", "png"), ("I;16", "png")]
)
def test_transparent_places_become_white_with_a_word(mode, suffix, tmp_path, capsys):
    path = tmp_path / f"picture.{suffix}"
    if suffix == "png" and mode in ("P", "I;16"):  # one of the palette's colours, or one grey, is transparent
        picture = Image.new(mode, (SIDE, SIDE), 1)
        picture.paste(0, (SIDE // 2, 0, SIDE, SIDE))
        if mode == "P":
            picture.putpalette([0, 0, 0, *RED])
        picture.save(path, transparency=0)
    else:
        half_transparent("RGBA" if mode == "P" else mode).save(path)
    x = read("style", path, 64)
    assert np.all(x[:, SIDE // 2 :] == 1) and np.all(x[:, : SIDE // 2].mean(axis=(0, 1)) < 0.9)
    said = capsys.readouterr().out
    assert said.startswith(f"style, {path}: ") and said.endswith("transparent places become white\n")
    plain("RGBA", (*RED, 255)).save(tmp_path / "opaque.png")
    read("style", tmp_path / "opaque.png", 64)
    assert capsys.readouterr().out == ""


def test_of_an_animation_the_first_frame_with_a_word(tmp_path, capsys):
    path = tmp_path / "moving.gif"
    plain("RGB", RED).save(
        path, save_all=True, append_images=[plain("RGB", colour) for colour in ((0, 0, 0), (9, 99, 9))]
    )
    np.testing.assert_allclose(255 * read("content", path, 64), np.broadcast_to(RED, (SIDE, SIDE, 3)), atol=0.01)
    assert "of its 3 frames the first is taken" in capsys.readouterr().out


def test_a_camera_held_upright(tmp_path):
    """Its pixels lie on their side, and a tag says so."""
    picture = Image.new("RGB", (60, SIDE), RED)
    tag = Image.Exif()
    tag[0x0112] = 6
    picture.save(tmp_path / "upright.jpg", exif=tag)
    assert read("content", tmp_path / "upright.jpg", 64).shape == (60, SIDE, 3)


@pytest.mark.parametrize(
    ("size", "longest", "shape", "word"),
    [((800, 600), 64, (48, 64), "800 x 600 pixels are made smaller to 64 x 48"), ((64, 48), 64, (48, 64), ""),
     ((41, 50), 64, (48, 40), "41 x 50 pixels are fitted to 40 x 48"), ((900, 330), 96, (32, 96), "made smaller")],
)  # fmt: skip
def test_sizes(size, longest, shape, word, tmp_path, capsys):
    Image.new("RGB", size, RED).save(tmp_path / "picture.png")
    assert read("content", tmp_path / "picture.png", longest).shape == (*shape, 3)
    said = capsys.readouterr().out
    assert word in said and bool(said) == bool(word)


@given(st.tuples(st.integers(32, 9000), st.integers(32, 9000)), st.integers(8, 250))
def test_what_is_fitted_keeps_its_proportions_and_is_never_larger(size, fourth):
    longest = 4 * fourth
    fitted = fitting(size, longest)
    assert all(new % 4 == 0 and new <= min(old, longest) for old, new in zip(size, fitted, strict=True))
    scale = min(1, longest / max(size))
    assert all(old * scale - new < 4 + 1e-3 for old, new in zip(size, fitted, strict=True))


def huge(side: int) -> bytes:
    """A PNG whose header says side x side pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = (struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) for body in (header, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def content_of(picture: Image.Image, path) -> bytes:
    picture.save(path)
    return path.read_bytes()


def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path):
    photo = content_of(Image.effect_noise((SIDE, SIDE), 90).convert("RGB"), tmp_path / "photo.png")
    cases = {
        "empty.png": (b"", "of a format that Pillow reads"),
        "text.png": (b"no picture", "of a format that Pillow reads"),
        "half.png": (photo[: len(photo) // 2], "that can be read whole"),
        "turned.png": (photo[:60] + bytes(100) + photo[160:], "that can be read whole"),
        "head.png": (photo[:30], "picture"),
        "bomb.png": (huge(10_000), "at most 89,478,485 pixels"),
        "worse.png": (huge(60_000), "at most 89,478,485 pixels"),
        "float.tiff": (content_of(plain("F", 0.5), tmp_path / "f.tiff"), "their range is unknown"),
        "deep.tiff": (content_of(plain("I", 200), tmp_path / "i.tiff"), "their range is unknown"),
        "small.png": (content_of(Image.new("RGB", (31, 90)), tmp_path / "s.png"), "31 x 90 pixels, but each side must"),
        "thin.png": (content_of(Image.new("RGB", (40, 900)), tmp_path / "t.png"), "where the longer side is 64"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message) as raised:
            read("style", tmp_path / name, 64)
        said = str(raised.value)
        assert said.startswith(f"style is {tmp_path / name}, ") and len(said) - len(str(tmp_path)) < 300
        assert "\n" not in said


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, message in (
        ("nowhere.png", "there is no such file"),
        ("", "it is no file"),
        ("pipe", "it is no file"),
        ("n" * 300, "there is no such file"),
    ):
        with pytest.raises(ValueError, match=f"content is .*, but must be a picture: {message}"):
            read("content", tmp_path / name, 64)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    plain("RGB", RED).save(tmp_path / "secret.png")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(user_pictures.Image, "open", refuse)
    with pytest.raises(ValueError, match="that can be read whole: Permission denied"):
        read("content", tmp_path / "secret.png", 64)
