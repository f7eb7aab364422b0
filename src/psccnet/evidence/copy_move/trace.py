"""The trace: keypoints, transforms, pixels, and what all this says in words."""

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.copy_move.keypoints import find_keypoints, match_within
from psccnet.evidence.copy_move.strength import false_alarms, strength
from psccnet.evidence.copy_move.transforms import Transform, find_transforms
from psccnet.evidence.copy_move.verification import Verified, verify
from psccnet.evidence.finding import Finding, Region

Pixels = NDArray[np.uint8]

SIGNIFICANT = 0.012
"""Share of untouched photographs on which the trace speaks, at most: its part of the 5 % of the verdict."""
MOST_PIXELS = 1_100_000
"""Larger pictures are looked at in this size."""
SMALL = 640
"""Pictures whose longer side is at most this are looked at in twice their size, where SIFT finds more points."""
NEAREST = 16
"""Pixels of the picture that a part is moved by at least."""
MOST_VERIFIED = 5
MOST_SHOWN = 3

NAME = "copy-move"
PART, DOUBLE = "part", "its double"
"""Labels of the regions; which of the two came first is not known."""
HOW_TO_READ = (
    "Looks for a part that stands twice in one picture. What is alike by nature - windows, print, mirror images in"
    " water - can look like a copy; which of two equal parts came first cannot be seen."
)
SOURCE = (
    "After Amerini et al., A SIFT-based forensic method for copy-move attack detection, IEEE TIFS 2011, with"
    " verification by pixels as in Christlein et al., IEEE TIFS 2012"
)


def copy_move(pixels: Pixels) -> Finding:
    """Find parts of a picture that are copies of others.

    Args:
        pixels: (H, W, 3) uint8, RGB.

    Returns:
        The finding, with both places outlined and a map that is 1 on them. `false_alarms` is the share of untouched
        photographs that show as strong a likeness (`strength`).
    """
    height, width = pixels.shape[:2]
    scale = working_scale(height, width)
    copies = find_copies(_grey(pixels, scale), scale)
    strongest = max((strength(copy) for copy in copies), default=-math.inf)
    expected = false_alarms(strongest)
    if expected > SIGNIFICANT:
        sentence = (
            "Some parts of the picture look alike, but no more than in untouched photographs."
            if copies
            else "No part of the picture was found a second time."
        )
        return Finding(NAME, sentence, HOW_TO_READ, expected, source=SOURCE)
    shown = [copy for copy in copies if false_alarms(strength(copy)) <= SIGNIFICANT][:MOST_SHOWN]
    return Finding(
        NAME,
        _sentence(shown, height, width, scale),
        HOW_TO_READ,
        expected,
        significant=True,
        regions=tuple(region for copy in shown for region in _regions(copy, scale)),
        map=_map(shown, height, width),
        source=SOURCE,
    )


def working_scale(height: int, width: int) -> float:
    """How many pixels the picture is looked at in are one of its own: 2 for small pictures, less than 1 for large."""
    if max(height, width) <= SMALL:
        return 2.0
    return min(1.0, math.sqrt(MOST_PIXELS / (height * width)))


def _grey(pixels: Pixels, scale: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    # Of 100 megapixels, only the small picture is turned to grey.
    if scale < 1:
        return np.asarray(cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(grey if scale == 1 else cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC))


def find_copies(grey: Pixels, scale: float) -> list[Verified]:
    """Parts that agree with another part pixel by pixel, the strongest first.

    Args:
        grey: (h, w) uint8.
        scale: how many pixels here are one of the picture's.
    """
    unit = max(1.0, scale)
    points = find_keypoints(grey, small=scale > 1)
    transforms: list[Transform] = []
    for mirrored, pairs in zip((False, True), match_within(points, NEAREST * unit), strict=True):
        transforms += find_transforms(points, pairs, mirrored, unit) if len(pairs) else []
    transforms.sort(key=lambda transform: -transform.distinct)
    levels = grey.astype(np.float32)
    all_matches = sum(transform.distinct for transform in transforms)
    verified = (verify(levels, transform, unit) for transform in transforms[:MOST_VERIFIED])
    told = [replace(one, rivals=max(0, all_matches - one.matches)) for one in verified if one is not None]
    return sorted(told, key=strength, reverse=True)


def _sentence(copies: list[Verified], height: int, width: int, scale: float) -> str:
    first = copies[0]
    share = 100 * float(first.source.mean())
    size = f"{share:.0f} %" if share >= 1 else f"{share:.1f} %"
    more = ("", "; so does another", "; so do two more")[min(len(copies), MOST_SHOWN) - 1]
    return f"A part of the picture ({size} of it) stands in it a second time, {_moved(first, scale)}{more}."


def _moved(copy: Verified, scale: float) -> str:
    """The transformation in words."""
    matrix = copy.transform.matrix
    rows, columns = np.nonzero(copy.source)
    middle = np.array([columns.mean(), rows.mean()])
    across, down = (matrix[:, :2] @ middle + matrix[:, 2] - middle) / scale
    words = []
    if abs(across) >= 1:
        words.append(f"{abs(across):.0f} pixels to the {'right' if across > 0 else 'left'}")
    if abs(down) >= 1:
        words.append(f"{abs(down):.0f} pixels {'lower' if down > 0 else 'higher'}")
    moved = " and ".join(words) or "at the same place"
    linear = matrix[:, :2] @ np.diag([-1.0, 1.0]) if copy.transform.mirrored else matrix[:, :2]
    turned = math.degrees(math.atan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    size = 100 * math.sqrt(abs(float(np.linalg.det(linear))))
    changes = [
        "mirrored" if copy.transform.mirrored else "",
        f"turned by {abs(turned):.0f} degrees" if abs(turned) >= 1.5 else "",
        f"scaled to {size:.0f} %" if abs(size - 100) >= 2 else "",
    ]
    return ", ".join([moved, *(change for change in changes if change)])


def _regions(copy: Verified, scale: float) -> list[Region]:
    return [
        Region(outline, label)
        for label, part in ((PART, copy.source), (DOUBLE, copy.target))
        for outline in _outlines(part, scale)
    ]


def _outlines(part: NDArray[np.bool_], scale: float) -> list[tuple[tuple[int, int], ...]]:
    """Corners around the connected pieces of a part, leaving out specks, in pixels of the picture."""
    contours, _ = cv2.findContours(part.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    areas = [cv2.contourArea(contour) for contour in contours]
    outlines = []
    for contour, area in zip(contours, areas, strict=True):
        corners = cv2.approxPolyDP(contour, 1.5, closed=True).reshape(-1, 2)
        if area >= 0.05 * max(areas) and len(corners) >= 3:
            outlines.append(tuple((round(float(x) / scale), round(float(y) / scale)) for x, y in corners))
    return outlines


def _map(copies: list[Verified], height: int, width: int) -> NDArray[np.float32]:
    either = np.any([copy.source | copy.target for copy in copies], axis=0).astype(np.float32)
    if len(either) > height:
        either = np.asarray(cv2.resize(either, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(either)
