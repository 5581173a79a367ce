"""A user's own picture: whatever Pillow opens, as numbers of a size that can be worked on, or one sentence why not."""

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from experiments.neighbours.filters import SHRINKS

SMALLEST = 32  # pixels of a side: eight in the deepest layer
SIXTEEN_BIT_FORMATS = ("PNG", "PPM")  # of which Pillow gives 16 bits as 32
WHITE = (255, 255, 255, 255)  # the paper behind transparent places


def read(name: str, path: Path, longest: int) -> np.ndarray:
    """float32 (h, w, 3) in [0, 1], no side above `longest`, both multiples of SHRINKS; what was changed is printed.

    ValueError that names the option and the file for what is no picture, cannot be read whole, or is too small.
    """
    if not os.path.isfile(path):  # unlike Path's, os.path's never raise: a name may be too long, a folder closed
        missing = "there is no such file" if not os.path.exists(path) else "it is no file"
        raise ValueError(f"{name} is {path}, but must be a picture: {missing}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                frames = getattr(file, "n_frames", 1)
                picture, changes = in_colour(ImageOps.exif_transpose(file), file.format)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = f"{Image.MAX_IMAGE_PIXELS:,}"
        raise ValueError(f"{name} is {path}, but must have at most {most} pixels: make it smaller first") from None
    except UnidentifiedImageError:
        raise ValueError(f"{name} is {path}, but must be a picture of a format that Pillow reads") from None
    except Exception as error:  # decoders raise what they like on a broken file
        reason = f"{getattr(error, 'strerror', None) or error or type(error).__name__}"[:100].replace("\n", " ")
        raise ValueError(f"{name} is {path}, but must be a picture that can be read whole: {reason}") from None
    if frames > 1:
        changes.insert(0, f"of its {frames:,} frames the first is taken")
    size = fitting(picture.size, longest)
    if min(size) < SMALLEST:
        tall, least = f"{picture.width} x {picture.height}", f"must be at least {SMALLEST}"
        within = f", and stay so where the longer side is {longest}" if min(picture.size) >= SMALLEST else ""
        raise ValueError(f"{name} is {path}, {tall} pixels, but each side {least}{within}")
    if size != picture.size:
        how = "made smaller" if max(picture.size) > longest else "fitted"
        changes.append(f"{picture.width} x {picture.height} pixels are {how} to {size[0]} x {size[1]}")
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if changes:
        print(f"{name}, {path}: {'; '.join(changes)}")
    return np.asarray(picture, np.float32) / 255


def fitting(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """The nearest size of about the same proportions that the layers can halve and that is not larger."""
    scale = min(1, longest / max(size))
    width, height = (int(side * scale + 1e-6) // SHRINKS * SHRINKS for side in size)
    return width, height


def in_colour(picture: Image.Image, file_format: str | None) -> tuple[Image.Image, list[str]]:
    """RGB, and what was done to it beyond adding channels. ValueError for numbers whose range cannot be known."""
    if picture.mode == "F":
        raise ValueError("its numbers are not whole, so that their range is unknown")
    if picture.mode.startswith("I"):  # 16 bits a pixel, where Pillow's own conversion cuts off at 255
        grey = np.asarray(picture).astype(np.int64)
        if picture.mode == "I" and file_format not in SIXTEEN_BIT_FORMATS:
            raise ValueError("its numbers have 32 bits, so that their range is unknown")
        white = grey == picture.info.get("transparency")
        eight = np.where(white, 255, (grey + 128) // 257).astype(np.uint8)
        changes = ["16 bits become 8"] + ["transparent places become white"] * bool(white.any())
        return Image.fromarray(eight).convert("RGB"), changes
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        opaque = picture.getextrema()[3][0] == 255
        whole = Image.alpha_composite(Image.new("RGBA", picture.size, WHITE), picture).convert("RGB")
        return whole, [] if opaque else ["transparent places become white"]
    return picture.convert("RGB"), []
