"""Ground-truth masks as people and programs store them, read to one form: true where forged.

A mask is not a photograph: what is transparent in it is not forged, its levels are cut at half of what its bits hold,
and it is drawn on the pixels of its picture as they are stored, unless its size says that it is drawn upright.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from psccnet.errors import PictureError
from psccnet.pictures.conversion import TURNED, Loaded, as_rgba, load, raw_mode
from psccnet.pictures.decoding import MAX_PIXELS, named_file
from psccnet.pictures.opening import opened
from psccnet.pictures.sample import Mask

MaskRule = Literal["white", "black", "nonzero", "green"]
"""What of a mask's file is forged; in each, what is transparent is not.

white: brighter than half, as almost everywhere.
black: darker than half, as in NIST16.
nonzero: all that is not 0, as in label maps.
green: both greens of Columbia's edge masks, whose reds are the host; the files are JPEG, so shades vary.
"""
_GREEN = 120
"""Columbia's greens are 200 and 255 before compression."""
_TINGE = 24
"""Levels between red, green and blue of a grey JPEG at most."""
_HALF = 127
"""Of 255: what is more transparent than that is no part of a mask."""


class _File(NamedTuple):
    """A mask's file.

    Attributes:
        forged: true where the rule says so.
        wrong: what the levels are, in words, where they are neither plainly black nor plainly white.
        own: EXIF's orientation of the mask's own file, 1..8; `forged` is upright by it.
    """

    forged: Mask
    wrong: str
    own: int


def read_mask(
    path: Path, height: int, width: int, rule: MaskRule = "white", resize: bool = False, orientation: int = 1
) -> Mask:
    """Read a ground truth: (height, width), true where forged; all false where the mask marks nothing.

    Args:
        path: the mask's file.
        height: of the picture, upright, in pixels.
        width: of the picture, upright, in pixels.
        rule: how the file says what is forged.
        resize: bring a mask of another size to the picture's (nearest pixel) instead of refusing it.
        orientation: EXIF's of the picture, 1..8; see `placed`.

    Raises:
        PictureError: if it cannot be read, its size is not the picture's, or its values are neither black nor white.
        MissingFileError: if there is no such file.
    """
    file = _read(path, rule)
    if file.wrong:
        raise PictureError(f"{path}: {file.wrong}.")
    truth = file.forged if file.own != 1 else placed(file.forged, height, width, orientation)
    if truth.shape == (height, width):
        return truth
    found = f"{file.forged.shape[1]} x {file.forged.shape[0]}"
    if not resize:
        turned = f" once turned upright by its EXIF orientation {orientation}" if orientation != 1 else ""
        raise PictureError(f"{path}: the mask is {found}, its picture {width} x {height}{turned}; they must match.")
    resized = Image.fromarray(truth.astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized, np.bool_)


def read_grey(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """A mask of levels between pristine and forged: (H, W) in 0..1, and EXIF's orientation of its own file, 1..8.

    Upright by its own orientation; what is transparent is 0.

    Raises:
        PictureError: if it cannot be read, is in colour, or its values have no defined range.
        MissingFileError: if there is no such file.
    """
    name = str(path)
    with named_file(path, name) as stream, opened(stream, name) as (picture, _):
        loaded = load(picture, name, MAX_PIXELS, True, lambda _pixels: None, stream)
        picture, stored = loaded.picture, loaded.stored
        levels: npt.NDArray[Any] = np.asarray(picture)
        if stored.bits is not None:
            full = (1 << stored.bits) - 1
            levels = (full - levels if stored.inverted else levels) / full
        elif picture.mode == "F":
            if not (levels.min() >= 0 and levels.max() <= 1):
                raise PictureError(f"{name}: its values are not all numbers within 0..1; let it be written so.")
        else:
            colours = np.asarray(as_rgba(loaded, name))
            if np.ptp(colours[..., :3][colours[..., 3] > 0], axis=-1).max(initial=0) > _TINGE:
                raise PictureError(f"{name}: is in colour; let the mask be written in grey, black where pristine.")
            levels = colours[..., 1] / 255 * (colours[..., 3] / 255)
    return np.asarray(levels, np.float32), loaded.orientation


def marks_nothing(path: Path, rule: MaskRule = "white") -> bool:
    """Whether a mask is plainly that of a pristine picture: all black, or the like by its rule.

    Raises:
        PictureError: if it cannot be read.
        MissingFileError: if there is no such file.
    """
    file = _read(path, rule)
    return not file.wrong and not file.forged.any()


def placed(values: npt.NDArray[Any], height: int, width: int, orientation: int) -> npt.NDArray[Any]:
    """A mask on its picture as it is seen.

    Args:
        values: (h, w), drawn on the stored pixels or upright.
        height: of the picture, upright.
        width: of the picture, upright.
        orientation: EXIF's of the picture, 1..8. A mask of the upright size, where that is not the stored one, is drawn
            upright; any other is drawn on the stored pixels and turned.

    Returns:
        (h, w) or (w, h).
    """
    if orientation == 1 or (values.shape == (height, width) and told_by_size(height, width, orientation)):
        return values
    return turned(values, orientation)


def told_by_size(height: int, width: int, orientation: int) -> bool:
    """Whether the size of a mask shows if it is drawn on the stored pixels of a picture or on the upright ones."""
    return orientation == 1 or (orientation in TURNED and height != width)


def turned(values: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn stored pixels, (h, w), upright by EXIF's orientation, 1..8."""
    if orientation in TURNED:
        values = values.T
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def _read(path: Path, rule: MaskRule) -> _File:
    name = str(path)
    with named_file(path, name) as stream, opened(stream, name) as (picture, _):
        deep = "16" in raw_mode(picture)
        loaded = load(picture, name, MAX_PIXELS, True, lambda _pixels: None, stream)
        if rule == "green":
            return _File(green(np.asarray(loaded.picture.convert("RGB"))), "", loaded.orientation)
        levels, full, opaque = _levels(loaded, name)
    bright = levels > full // 2
    forged = {"white": bright, "black": ~bright, "nonzero": levels > 0}[rule] & opaque
    wrong = "" if forged.any() else _wrong(levels, opaque, full, rule, deep)
    return _File(np.asarray(forged, np.bool_), wrong, loaded.orientation)


def _levels(loaded: Loaded, name: str) -> tuple[npt.NDArray[Any], int, npt.NDArray[np.bool_]]:
    """The levels of a mask, (H, W), what its bits hold at most, and where it is opaque."""
    picture, stored = loaded.picture, loaded.stored
    if stored.bits is not None or picture.mode in ("I", "F"):
        levels = np.asarray(picture)
        full = (1 << stored.bits) - 1 if stored.bits is not None else 0
        opaque = np.ones(levels.shape, np.bool_)
        if isinstance(stored.transparent, int):
            opaque = levels != stored.transparent
        values = set(np.unique(levels[opaque])[:3].tolist())
        # Programs that write 16 or 32 bits or floats where 8 would do keep 0 and 255, or have 0 and 1.
        if values <= {0, 255}:
            full = 255
        elif picture.mode == "F" and values <= {0, 1}:
            full = 1
        if not full:
            raise PictureError(f"{name}: of 32 bits, a mask's values must be 0 and 255; save it with 8 bits.")
        return (full - levels if stored.inverted else levels), full, opaque
    colours = np.asarray(as_rgba(loaded, name))
    return colours[..., :3].max(axis=2), 255, colours[..., 3] > _HALF


def _wrong(levels: npt.NDArray[Any], opaque: npt.NDArray[np.bool_], full: int, rule: MaskRule, deep: bool) -> str:
    """What is wrong with the levels of a mask that marks nothing as forged; "" if it is plainly a pristine picture's.

    `deep` tells that they were reduced from 16 bits.
    """
    seen = levels[opaque]
    if seen.size == 0 or rule == "nonzero":
        return ""
    if rule == "black":
        if seen.min() == full:
            return ""
        return f"its values begin at {seen.min():g} of {full}, and black is to be forged; save it with 0 and {full}"
    if seen.max() > 0:
        reach = f"its values reach {seen.max():g} of {full}, and white, above {full // 2}, is to be forged"
        return f"{reach}; save it with 0 and {full}, or say that the mask rule is nonzero"
    if seen.size < levels.size:
        return "what is opaque in it is black, and white is to be forged; if black is, say that the mask rule is black"
    return "of 16-bit colours the high 8 bits are read, and those are 0; save it with 8 bits" if deep else ""


def green(pixels: npt.NDArray[np.uint8]) -> Mask:
    """Where an edge mask of Columbia, HxWx3 uint8, is green: HxW."""
    red, green_ = pixels[..., 0].astype(np.int16), pixels[..., 1].astype(np.int16)
    return np.asarray((green_ > _GREEN) & (green_ > red), np.bool_)
