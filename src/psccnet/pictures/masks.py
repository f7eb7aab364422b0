"""Read ground-truth masks in the forms in which people and programs store them: true where forged.

A mask is not read like a photograph. Its transparent pixels are not forged; its levels are thresholded at half of
their range; and it follows the stored pixels of its picture, unless its size shows that it is upright.
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
"""Which pixels of a mask's file are forged. Transparent pixels never are.

white: brighter than half; nearly all data sets.
black: darker than half; NIST16.
nonzero: every value but 0; label maps.
green: both greens of Columbia's edge masks (their reds are the host). These files are JPEG, so shades vary.
"""
_GREEN = 120
"""Columbia's greens are 200 and 255 before compression."""
_TINGE = 24
"""In a grey JPEG, red, green and blue differ by at most this many levels."""
_HALF = 127
"""Pixels with an alpha of at most this, of 255, are not part of a mask."""


class _File(NamedTuple):
    """The content of a mask's file.

    Attributes:
        forged: (H, W) bool, true where the rule says so, turned upright by `orientation`.
        fault: what is wrong with the levels, as text; "" if nothing is.
        orientation: EXIF orientation of the mask's file (not of its picture's), 1..8.
    """

    forged: Mask
    fault: str
    orientation: int


def read_mask(
    path: Path, height: int, width: int, rule: MaskRule = "white", resize: bool = False, orientation: int = 1
) -> Mask:
    """Read a ground-truth mask.

    Args:
        path: the mask's file.
        height: of the upright picture, in pixels.
        width: of the upright picture, in pixels.
        rule: which pixels of the file are forged.
        resize: resize a mask of another size to the picture's (nearest pixel) instead of refusing it.
        orientation: EXIF orientation of the picture, 1..8; see `placed`.

    Returns:
        (height, width) bool, true where forged; all false if the mask marks nothing.

    Raises:
        PictureError: if the mask cannot be read, its size is not the picture's, or its values are neither black nor
            white.
        MissingFileError: if there is no such file.
    """
    file = _read(path, rule)
    if file.fault:
        raise PictureError(f"{path}: {file.fault}.")
    truth = file.forged if file.orientation != 1 else placed(file.forged, height, width, orientation)
    if truth.shape == (height, width):
        return truth
    found = f"{file.forged.shape[1]} x {file.forged.shape[0]}"
    if not resize:
        turned = f" once turned upright by its EXIF orientation {orientation}" if orientation != 1 else ""
        raise PictureError(f"{path}: the mask is {found}, its picture {width} x {height}{turned}; they must match.")
    resized = Image.fromarray(truth.astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized, np.bool_)


def read_grey(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Read a mask of grey levels from pristine (0) to forged (1).

    Returns:
        (H, W) float32 in 0..1, upright by the EXIF orientation of the mask's file, 0 where transparent; and that
        orientation, 1..8.

    Raises:
        PictureError: if the mask cannot be read, is in colour, or its values have no defined range.
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
                raise PictureError(f"{name}: not all of its values are within 0..1; save it with values in 0..1.")
        else:
            colours = np.asarray(as_rgba(loaded, name))
            if np.ptp(colours[..., :3][colours[..., 3] > 0], axis=-1).max(initial=0) > _TINGE:
                raise PictureError(f"{name}: is in colour; save the mask in grey, black where pristine.")
            levels = colours[..., 1] / 255 * (colours[..., 3] / 255)
    return np.asarray(levels, np.float32), loaded.orientation


def marks_nothing(path: Path, rule: MaskRule = "white") -> bool:
    """Whether a mask is clearly that of a pristine picture: all black, or what means the same by its rule.

    Raises:
        PictureError: if the mask cannot be read.
        MissingFileError: if there is no such file.
    """
    file = _read(path, rule)
    return not file.fault and not file.forged.any()


def placed(values: npt.NDArray[Any], height: int, width: int, orientation: int) -> npt.NDArray[Any]:
    """Turn a mask so that it fits the upright picture.

    Args:
        values: (h, w); follows the stored pixels or is already upright.
        height: of the upright picture, in pixels.
        width: of the upright picture, in pixels.
        orientation: EXIF orientation of the picture, 1..8. If the upright and the stored size differ and the mask has
            the upright size, it is upright. Any other mask follows the stored pixels and is turned.

    Returns:
        (h, w) or (w, h).

    Examples:
        >>> stored = np.array([[1, 2, 3], [4, 5, 6]])
        >>> placed(stored, height=3, width=2, orientation=6).tolist()
        [[4, 1], [5, 2], [6, 3]]
        >>> upright = np.array([[4, 1], [5, 2], [6, 3]])
        >>> placed(upright, height=3, width=2, orientation=6).tolist()
        [[4, 1], [5, 2], [6, 3]]
    """
    if orientation == 1 or (values.shape == (height, width) and told_by_size(height, width, orientation)):
        return values
    return turned(values, orientation)


def told_by_size(height: int, width: int, orientation: int) -> bool:
    """Whether a mask's size shows if it follows the stored pixels of its picture or the upright ones.

    Examples:
        >>> told_by_size(height=3, width=2, orientation=6), told_by_size(height=2, width=2, orientation=6)
        (True, False)
    """
    return orientation == 1 or (orientation in TURNED and height != width)


def turned(values: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn stored pixels, (h, w), upright by an EXIF orientation, 1..8.

    Examples:
        >>> turned(np.array([[1, 2, 3], [4, 5, 6]]), orientation=6).tolist()
        [[4, 1], [5, 2], [6, 3]]
    """
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
    fault = "" if forged.any() else _fault(levels, opaque, full, rule, deep)
    return _File(np.asarray(forged, np.bool_), fault, loaded.orientation)


def _levels(loaded: Loaded, name: str) -> tuple[npt.NDArray[Any], int, npt.NDArray[np.bool_]]:
    """The levels of a mask, (H, W); the level that means white; and where the mask is opaque, (H, W)."""
    picture, stored = loaded.picture, loaded.stored
    if stored.bits is not None or picture.mode in ("I", "F"):
        levels = np.asarray(picture)
        full = (1 << stored.bits) - 1 if stored.bits is not None else 0
        opaque = np.ones(levels.shape, np.bool_)
        if isinstance(stored.transparent, int):
            opaque = levels != stored.transparent
        values = set(np.unique(levels[opaque])[:3].tolist())
        # Programs that write 16 or 32 bits or floats where 8 bits are enough write 0 and 255, or 0 and 1.
        if values <= {0, 255}:
            full = 255
        elif picture.mode == "F" and values <= {0, 1}:
            full = 1
        if not full:
            raise PictureError(f"{name}: the values of a mask of 32 bits must be 0 and 255; save it with 8 bits.")
        return (full - levels if stored.inverted else levels), full, opaque
    colours = np.asarray(as_rgba(loaded, name))
    return colours[..., :3].max(axis=2), 255, colours[..., 3] > _HALF


def _fault(levels: npt.NDArray[Any], opaque: npt.NDArray[np.bool_], full: int, rule: MaskRule, deep: bool) -> str:
    """Why a mask that marks nothing as forged may be misread; "" if it is clearly that of a pristine picture.

    `deep`: the levels were reduced from 16 bits.
    """
    seen = levels[opaque]
    if seen.size == 0 or rule == "nonzero":
        return ""
    if rule == "black":
        if seen.min() == full:
            return ""
        return f"its lowest value is {seen.min():g} of {full}, but black means forged; save it with 0 and {full}"
    if seen.max() > 0:
        highest = f"its highest value is {seen.max():g} of {full}, but only values above {full // 2} mean forged"
        return f"{highest}; save it with 0 and {full}, or set the mask rule to nonzero"
    if seen.size < levels.size:
        return "its opaque pixels are black, but white means forged; if black does, set the mask rule to black"
    return "the high 8 bits of its 16-bit colours are all 0; save it with 8 bits" if deep else ""


def green(pixels: npt.NDArray[np.uint8]) -> Mask:
    """Where an edge mask of Columbia, HxWx3 uint8, is green: HxW bool.

    Examples:
        >>> green(np.array([[[0, 200, 0], [0, 255, 0], [200, 0, 0]]], np.uint8)).tolist()
        [[True, True, False]]
    """
    red, green_ = pixels[..., 0].astype(np.int16), pixels[..., 1].astype(np.int16)
    return np.asarray((green_ > _GREEN) & (green_ > red), np.bool_)
