"""Find the JPEG grid of the whole picture, and parts that have another grid."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.binomial import log10_tail
from psccnet.evidence.finding import Finding, Region
from psccnet.evidence.jpeg_grid.votes import GRIDS, NO_VOTE, STRIDE, Votes, vote

NAME = "jpeg-grid"
HOW_TO_READ = (
    "JPEG works in squares of 8 x 8 pixels. A part that was pasted from another JPEG keeps the squares of its own"
    " file, if it was neither scaled nor compressed strongly afterwards. Text and drawings can look the same; a picture"
    " without another grid may still be forged."
)
SOURCE = "Nikoukhah et al., ZERO: a local JPEG grid origin detector, IPOL 2021"

_CELL = 8 // STRIDE
"""Number of votes along the side of a cell of 8 x 8 pixels."""
_ALONE = 64 // STRIDE**2
"""So many votes count as one, since they look at the same squares."""
_DENSE = 0.25
"""A cell belongs to another grid if more than this share of the votes around it are for that grid; by chance 1/64."""
_FEWEST_CELLS = 6
_ELSEWHERE = 0.03
"""Outside a part, at most this share of the votes may be for the part's grid; by chance 1/64."""


@dataclass(frozen=True)
class Part:
    """A part of the picture with another grid than the rest.

    Attributes:
        grid: 8 * (row of its origin) + (column of its origin).
        cells: (h, w) bool, cells of 8 x 8 pixels.
        log10_nfa: decimal logarithm of how often chance gives as many votes in a picture of this size.
    """

    grid: int
    cells: NDArray[np.bool_]
    log10_nfa: float


def jpeg_grid(pixels: NDArray[np.uint8], is_jpeg: bool, orientation: int = 1) -> Finding | None:
    """Find the picture's JPEG grid, and parts that have another one.

    Args:
        pixels: (H, W, 3) uint8, RGB, upright.
        is_jpeg: whether the file is a JPEG, whose grid begins in a corner.
        orientation: EXIF orientation of the file, 1..8.

    Returns:
        The finding; its `false_alarms` is the expected number of such parts in an untouched picture (NFA). None for
        pictures with a side below 64 pixels.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 64:
        return None
    votes = vote(pixels)
    main, _ = main_grid(votes)
    sentence = _of_the_whole(main, height, width, is_jpeg, orientation)
    if main is None:
        return Finding(NAME, sentence, HOW_TO_READ, source=SOURCE)
    parts = foreign_parts(votes, main)
    least = min((part.log10_nfa for part in parts), default=0.0)
    if not parts:
        return Finding(NAME, f"{sentence} No part has another one.", HOW_TO_READ, 1.0, source=SOURCE)
    cells = np.any([part.cells for part in parts], axis=0)
    share = 100 * float(cells.mean())
    return Finding(
        NAME,
        f"A part of the picture ({share:.1f} % of it) has another grid of JPEG squares than the rest, as if it came"
        " from another file.",
        HOW_TO_READ,
        10.0 ** max(least, -300.0),
        significant=True,
        regions=tuple(region for part in parts for region in _regions(part, height, width)),
        map=cells.astype(np.float32),
        source=SOURCE,
    )


def main_grid(votes: Votes) -> tuple[int | None, float]:
    """The grid with most votes, None if chance explains them; and the decimal logarithm of its NFA."""
    counts = np.bincount(votes.ravel(), minlength=GRIDS + 1)[:GRIDS]
    best = int(counts.argmax())
    log10_nfa = _log10_nfa(votes.size, int(counts[best]), votes.shape)
    return (best, log10_nfa) if log10_nfa < 0 else (None, log10_nfa)


def _log10_nfa(votes: int, agreeing: int, shape: tuple[int, ...]) -> float:
    """Logarithm of the NFA of `agreeing` votes for a grid among `votes`, over all places, sizes and grids."""
    area = shape[0] * shape[1] * STRIDE**2
    tests = math.log10(GRIDS) + 1.5 * math.log10(area)
    return tests + log10_tail(votes // _ALONE, agreeing // _ALONE, 1 / GRIDS)


def foreign_parts(votes: Votes, main: int) -> list[Part]:
    """Parts of the picture where another grid than the main one has more votes than chance explains.

    Args:
        votes: of the picture.
        main: its own grid.
    """
    padded = np.pad(votes, [(0, -side % _CELL) for side in votes.shape], constant_values=NO_VOTE)
    # Where few pixels vote, their shares mean little.
    voting = np.maximum(_around(padded != NO_VOTE), 0.25)
    own = _around(padded == main) / voting
    counts = np.bincount(votes.ravel(), minlength=GRIDS + 1)
    parts: list[Part] = []
    for grid in set(np.flatnonzero(counts).tolist()) - {main, NO_VOTE}:
        share = _around(padded == grid) / voting
        dense = ((share > _DENSE) & (share > own)).astype(np.uint8)
        if not dense.any():
            continue
        dense = np.asarray(cv2.morphologyEx(dense, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
        labels, names, boxes, _ = cv2.connectedComponentsWithStats(dense)
        for number in range(1, labels):
            left, top, wide, high, area = boxes[number].tolist()
            if area < _FEWEST_CELLS:
                continue
            place = (slice(top, top + high), slice(left, left + wide))
            part = np.zeros(dense.shape, bool)
            part[place] = names[place] == number
            inside = votes[_CELL * top : _CELL * (top + high), _CELL * left : _CELL * (left + wide)]
            belongs = part[place].repeat(_CELL, axis=0).repeat(_CELL, axis=1)
            inside = inside[belongs[: inside.shape[0], : inside.shape[1]]]
            agreeing = int(np.count_nonzero(inside == grid))
            log10_nfa = _log10_nfa(max((_CELL * max(wide, high)) ** 2, inside.size), agreeing, votes.shape)
            # In a picture that was cropped and saved again, both grids are everywhere.
            others = int(counts[:NO_VOTE].sum()) - int(np.count_nonzero(inside != NO_VOTE))
            if log10_nfa < 0 and int(counts[grid]) - agreeing <= _ELSEWHERE * others:
                parts.append(Part(grid, part, log10_nfa))
    return parts


def _around(marked: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(h, w): for each cell, the share of true votes in the 3 x 3 cells around it."""
    size = (marked.shape[1] // _CELL, marked.shape[0] // _CELL)
    cells = cv2.resize(marked.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(cells, (3, 3), borderType=cv2.BORDER_CONSTANT), np.float32)


def _regions(part: Part, height: int, width: int) -> list[Region]:
    contours, _ = cv2.findContours(part.cells.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    regions = []
    for contour in contours:
        left, top, wide, high = (8 * value for value in cv2.boundingRect(contour))
        right, bottom = min(width, left + wide), min(height, top + high)
        regions.append(Region(((left, top), (right, top), (right, bottom), (left, bottom))))
    return regions


def _of_the_whole(main: int | None, height: int, width: int, is_jpeg: bool, orientation: int) -> str:
    """Describe the grid of the whole picture in a sentence."""
    if main is None:
        if is_jpeg:
            return "JPEG squares leave no trace in the pixels, as is usual at the highest qualities."
        return "The picture shows no trace of JPEG squares: it was never compressed, or it was resized afterwards."
    row = height % 8 if orientation in (3, 4, 7, 8) else 0
    column = width % 8 if orientation in (2, 3, 6, 7) else 0
    if main == 8 * row + column:
        return (
            "The JPEG squares in the pixels lie where those of the file do."
            if is_jpeg
            else "The picture was a JPEG before: its squares begin in the corner."
        )
    return "The JPEG squares do not begin in the corner: the picture was compressed before and then cropped or moved."
