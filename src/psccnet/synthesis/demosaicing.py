"""Bayer mosaics, and the demosaicing algorithms of cameras."""

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
Colours = npt.NDArray[np.float32]
Phase = tuple[int, int]

ALGORITHMS = ("bilinear", "edge-aware", "gradients", "Malvar-He-Cutler", "Hamilton-Adams")
# OpenCV names a mosaic by the second and third pixel of its second row.
_BILINEAR: dict[Phase, int] = {
    (0, 0): cv2.COLOR_BayerBG2RGB,
    (0, 1): cv2.COLOR_BayerGB2RGB,
    (1, 0): cv2.COLOR_BayerGR2RGB,
    (1, 1): cv2.COLOR_BayerRG2RGB,
}
_EDGE_AWARE: dict[Phase, int] = {
    (0, 0): cv2.COLOR_BayerBG2RGB_EA,
    (0, 1): cv2.COLOR_BayerGB2RGB_EA,
    (1, 0): cv2.COLOR_BayerGR2RGB_EA,
    (1, 1): cv2.COLOR_BayerRG2RGB_EA,
}
_GRADIENTS: dict[Phase, int] = {
    (0, 0): cv2.COLOR_BayerBG2RGB_VNG,
    (0, 1): cv2.COLOR_BayerGB2RGB_VNG,
    (1, 0): cv2.COLOR_BayerGR2RGB_VNG,
    (1, 1): cv2.COLOR_BayerRG2RGB_VNG,
}


def _kernel(*rows: list[float]) -> Plane:
    return np.array(rows, np.float32) / np.float32(8)


# Malvar, He and Cutler, High-quality linear interpolation for demosaicing of Bayer-patterned color images, Fig. 2.
_GREEN = _kernel([0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0])
_ALONG_ROW = _kernel([0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, 0.5, 0, 0])
_ALONG_COLUMN = np.ascontiguousarray(_ALONG_ROW.T)
_ACROSS = _kernel([0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0], [0, 0, -1.5, 0, 0])
_MEAN = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / np.float32(4)
"""Bilinear interpolation of a plane in which one of four pixels is known and the others are 0."""


def mosaic(picture: Colours, phase: Phase) -> Plane:
    """Sample HxWx3 by a Bayer filter: HxW, with red at `phase` (row, column) and blue diagonally opposite.

    Examples:
        >>> picture = np.zeros((2, 2, 3), np.float32) + np.array([1, 2, 3], np.float32)
        >>> mosaic(picture, phase=(0, 0)).tolist()
        [[1.0, 2.0], [2.0, 3.0]]
    """
    row, column = phase
    plane = np.ascontiguousarray(picture[..., 1])
    plane[row::2, column::2] = picture[row::2, column::2, 0]
    plane[1 - row :: 2, 1 - column :: 2] = picture[1 - row :: 2, 1 - column :: 2, 2]
    return plane


def demosaic(raw: Plane, phase: Phase, algorithm: str, gains: Plane | None = None) -> Colours:
    """Fill in the missing colours of a mosaic.

    Args:
        raw: HxW float32 in 0..1, height and width even.
        phase: row and column, 0 or 1 each, of the first red pixel.
        algorithm: one of `ALGORITHMS`; "gradients" is "variable number of gradients", at 8 bits of the square root.
        gains: white balance of red, green and blue, float32: colours are balanced for the interpolation, and
            unbalanced again in the result.

    Returns:
        HxWx3 float32 RGB.

    Examples:
        >>> grey = np.full((8, 8), 0.5, np.float32)
        >>> demosaic(grey, (0, 0), "bilinear").round(2).min(axis=(0, 1)).tolist()
        [0.5, 0.5, 0.5]
    """
    gains = np.ones(3, np.float32) if gains is None else gains
    tile = np.full((2, 2), gains[1], np.float32)
    tile[phase] = gains[0]
    tile[1 - phase[0], 1 - phase[1]] = gains[2]
    weights = np.tile(tile, (raw.shape[0] // 2, raw.shape[1] // 2))
    balanced = raw * weights
    top = np.float32(gains.max())
    if algorithm == "bilinear":
        filled = _by_opencv(balanced, top, _BILINEAR[phase])
    elif algorithm == "edge-aware":
        filled = _by_opencv(balanced, top, _EDGE_AWARE[phase])
    elif algorithm == "gradients":
        roots = np.rint(cv2.sqrt(balanced / top) * 255).astype(np.uint8)
        filled = (cv2.demosaicing(roots, _GRADIENTS[phase]).astype(np.float32) / np.float32(255)) ** 2 * top
    elif algorithm == "Malvar-He-Cutler":
        filled = _malvar(balanced, phase)
    else:
        filled = _hamilton(balanced, phase)
    return np.asarray(filled / gains, np.float32)


def _by_opencv(raw: Plane, top: np.float32, code: int) -> Colours:
    levels = np.rint(raw * (np.float32(65535) / top)).astype(np.uint16)
    return np.asarray(cv2.demosaicing(levels, code) * (top / np.float32(65535)), np.float32)


def _malvar(raw: Plane, phase: Phase) -> Colours:
    green, along_row, along_column, across = (
        cv2.filter2D(raw, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
        for kernel in (_GREEN, _ALONG_ROW, _ALONG_COLUMN, _ACROSS)
    )
    filled = np.repeat(raw[..., None], 3, axis=2)
    for channel, (row, column) in ((0, phase), (2, (1 - phase[0], 1 - phase[1]))):
        filled[row::2, column::2, 1] = green[row::2, column::2]
        filled[row::2, 1 - column :: 2, channel] = along_row[row::2, 1 - column :: 2]
        filled[1 - row :: 2, column::2, channel] = along_column[1 - row :: 2, column::2]
        filled[1 - row :: 2, 1 - column :: 2, channel] = across[1 - row :: 2, 1 - column :: 2]
    return filled


def _hamilton(raw: Plane, phase: Phase) -> Colours:
    """Interpolate green along the smaller gradient, then red and blue by their differences to green."""
    padded = np.pad(raw, 2, mode="reflect")
    left, right = padded[2:-2, 1:-3], padded[2:-2, 3:-1]
    above, below = padded[1:-3, 2:-2], padded[3:-1, 2:-2]
    bend_row = 2 * raw - padded[2:-2, :-4] - padded[2:-2, 4:]
    bend_column = 2 * raw - padded[:-4, 2:-2] - padded[4:, 2:-2]
    row = np.abs(left - right) + np.abs(bend_row)
    column = np.abs(above - below) + np.abs(bend_column)
    by_row = (left + right) / 2 + bend_row / 4
    by_column = (above + below) / 2 + bend_column / 4
    estimate = np.where(row < column, by_row, np.where(row > column, by_column, (by_row + by_column) / 2))
    green = raw.copy()
    places = (phase, (1 - phase[0], 1 - phase[1]))
    for y, x in places:
        green[y::2, x::2] = estimate[y::2, x::2]
    filled = np.repeat(green[..., None], 3, axis=2)
    for channel, (y, x) in zip((0, 2), places, strict=True):
        difference = np.zeros_like(raw)
        difference[y::2, x::2] = raw[y::2, x::2] - green[y::2, x::2]
        filled[..., channel] += cv2.filter2D(difference, -1, _MEAN, borderType=cv2.BORDER_REFLECT_101)
    return filled
