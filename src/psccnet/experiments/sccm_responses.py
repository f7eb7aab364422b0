"""Responses of the Spatio-Channel Correlation Module for chosen pixels (Section IV-D, Fig. 9)."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from psccnet.errors import InputError
from psccnet.network import PSCCNet
from psccnet.network.bottom_up import MaskEstimator, modulated
from psccnet.network.sccm import SCCM

Point = tuple[int, int]
SCALE = 3
"""The paper shows the response maps of M_3."""


@dataclass(frozen=True)
class Responses:
    """What SCCM does at one scale of one picture.

    Attributes:
        spatial: one map a point, (h, w) float32: the row of A_s (Eq. 2) of the token that the point lies in, its
            values summing to 1; h = w = grid / 2^(scale - 1) / r.
        x: (h', w') float32, the first channel of X, what the module is given.
        y_c: (h', w') float32, the same channel of Y_c (Eq. 3), what channel-wise attention makes of it.
    """

    spatial: list[NDArray[np.float32]]
    x: NDArray[np.float32]
    y_c: NDArray[np.float32]


@torch.inference_mode()
def responses(network: PSCCNet, picture: NDArray[np.uint8], points: list[Point], scale: int = SCALE) -> Responses:
    """Look at the module of one scale.

    Args:
        network: in evaluation mode, with spatial and channel-wise attention.
        picture: (H, W, 3) uint8, RGB.
        points: (x, y) in pixels of the picture.
        scale: 1..4.

    Raises:
        InputError: if a point lies outside the picture, the scale is not 1..4, or the network lacks an attention or is
            the released variant, whose tokens are no places in the picture.
    """
    height, width = picture.shape[:2]
    outside = [point for point in points if not (0 <= point[0] < width and 0 <= point[1] < height)]
    if outside:
        raise InputError(f"the point {outside[0]} lies outside the picture, which is {width} x {height}")
    if scale not in range(1, 5):
        raise InputError(f"scales are 1, 2, 3 and 4, not {scale}")
    if network.architecture.attention != "both":
        raise InputError(
            f"these weights have {network.architecture.attention} attention; the figure needs weights with both kinds"
        )
    if network.architecture.variant == "released":
        raise InputError("the released network's h mixes rows: its attention has no map; use weights of `paper`")
    device = next(network.parameters()).device
    features = network.extract(torch.from_numpy(picture).to(device).permute(2, 0, 1)[None].float() / 255)
    path = network.bottom_up
    coarser = path(features, scale + 1)[0] if scale < 4 else None
    x = modulated(features[scale - 1], coarser)
    estimator = getattr(path, f"scale{scale}")
    assert isinstance(estimator, MaskEstimator)
    module = estimator.sccm
    assert isinstance(module, SCCM)
    rows, columns = x.shape[-2] // module.ratio, x.shape[-1] // module.ratio
    attention = module.spatial_response(x)[0]
    maps = []
    for across, down in points:
        token = (down * rows // height) * columns + across * columns // width
        maps.append(attention[token].reshape(rows, columns).cpu().numpy().astype(np.float32))
    y_c = module.channel_response(x)
    return Responses(maps, x[0, 0].float().cpu().numpy(), y_c[0, 0].float().cpu().numpy())


def choose_points(truth: NDArray[np.bool_]) -> list[Point]:
    """Three pixels as in Fig. 9: two of the forged region, one of the pristine rest; of a pristine picture, any three.

    The first lies deepest inside the region, the second deepest in what is left a good way off, the third deepest in
    the pristine part; depth is the distance to the region's border and the frame.

    Examples:
        >>> truth = np.zeros((40, 60), bool)
        >>> truth[10:20, 10:30] = True
        >>> (x, y), *_ = choose_points(truth)
        >>> bool(truth[y, x])
        True
    """
    if not truth.any():
        height, width = truth.shape
        return [(width // 4, height // 3), (3 * width // 4, height // 3), (width // 2, 3 * height // 4)]
    first = _deepest(truth)
    y, x = np.indices(truth.shape)
    distance = np.hypot(x - first[0], y - first[1])
    away = truth & (distance >= 0.5 * distance[truth].max())
    rest = ~truth
    return [first, _deepest(away), _deepest(rest) if rest.any() else (0, 0)]


def _deepest(region: NDArray[np.bool_]) -> Point:
    """The pixel of a region that is farthest from its border and the frame; the first of equals."""
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(x), int(y)
