"""The distortions of Tables VI and VII, in the settings of SPAN that the paper follows (Section IV-G), and "social"."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from psccnet.pictures.encoding import Encoding, decode_as_stored, encode
from psccnet.pictures.sample import Picture
from psccnet.synthesis.last_mile import shared

SEED = 0


@dataclass(frozen=True)
class Distortion:
    """One way in which a whole picture is degraded before it is looked at.

    Attributes:
        name: short, as in rows and file names.
        title: as in the tables.
        apply: from a picture (H, W, 3) uint8, RGB, and a source of randomness to the degraded one.

    Examples:
        >>> picture = np.full((8, 8, 3), 128, np.uint8)
        >>> noise = DISTORTIONS["noise-3"]
        >>> bool((noise(picture, "a.jpg") == noise(picture, "a.jpg")).all())
        True
        >>> bool((noise(picture, "a.jpg") == noise(picture, "b.jpg")).all())
        False
    """

    name: str
    title: str
    apply: Callable[[Picture, np.random.Generator], Picture]

    def __call__(self, picture: Picture, name: str) -> Picture:
        """Degrade a picture; the same name gives the same noise and, for the mixture, the same strengths."""
        digest = hashlib.sha256(f"{SEED}/{self.name}/{name}".encode()).digest()
        return self.apply(picture, np.random.default_rng(int.from_bytes(digest[:8], "big")))


def resize(picture: Picture, scale: float) -> Picture:
    """Shrink (or enlarge) a picture by a factor: area averaging (cubic), one pixel a side at least.

    Examples:
        >>> resize(np.zeros((40, 60, 3), np.uint8), 0.25).shape
        (10, 15, 3)
    """
    height, width = picture.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def gaussian_blur(picture: Picture, kernel: int) -> Picture:
    """Blur with a kernel of `kernel` (odd) pixels a side; sigma is OpenCV's 0.3 ((k - 1) / 2 - 1) + 0.8.

    Examples:
        >>> picture = np.zeros((5, 5, 3), np.uint8)
        >>> picture[2, 2] = 255
        >>> gaussian_blur(picture, 3)[2, :, 0].tolist()
        [0, 32, 64, 32, 0]
    """
    return np.asarray(cv2.GaussianBlur(picture, (kernel, kernel), 0), np.uint8)


def gaussian_noise(picture: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    """Add independent noise of standard deviation `sigma`, in grey levels, to each pixel and channel.

    Examples:
        >>> picture = np.full((100, 100, 3), 128, np.uint8)
        >>> round(float(gaussian_noise(picture, 15, np.random.default_rng(0)).std()))
        15
    """
    noisy = picture + rng.normal(0, sigma, picture.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def jpeg(picture: Picture, quality: int) -> Picture:
    """Compress once as JPEG, quality 1..100, 4:2:0."""
    return decode_as_stored(encode(picture, Encoding(quality, halved_chroma=True)), "distortion")


def mixed(picture: Picture, rng: np.random.Generator) -> Picture:
    """All four, in the order of the tables, with strengths drawn from the ranges of Section IV-G."""
    picture = resize(picture, rng.uniform(0.25, 0.78))
    picture = gaussian_blur(picture, 2 * int(rng.integers(1, 8)) + 1)
    picture = gaussian_noise(picture, rng.uniform(3, 15), rng)
    return jpeg(picture, int(rng.integers(50, 101)))


OF_THE_PAPER = (
    Distortion("resize-0.78", "Resize 0.78x", lambda picture, _: resize(picture, 0.78)),
    Distortion("resize-0.25", "Resize 0.25x", lambda picture, _: resize(picture, 0.25)),
    Distortion("blur-3", "GSBlur k = 3", lambda picture, _: gaussian_blur(picture, 3)),
    Distortion("blur-15", "GSBlur k = 15", lambda picture, _: gaussian_blur(picture, 15)),
    Distortion("noise-3", "GSNoise sigma = 3", lambda picture, rng: gaussian_noise(picture, 3, rng)),
    Distortion("noise-15", "GSNoise sigma = 15", lambda picture, rng: gaussian_noise(picture, 15, rng)),
    Distortion("jpeg-100", "JPEGComp q = 100", lambda picture, _: jpeg(picture, 100)),
    Distortion("jpeg-50", "JPEGComp q = 50", lambda picture, _: jpeg(picture, 50)),
    Distortion("mixed", "Mixed", mixed),
)
"""In the order of Table VI."""
DISTORTIONS = {way.name: way for way in (*OF_THE_PAPER, Distortion("social", "Shared", shared))}
"""By name, those of the paper and ours: "social" is how a messenger or a network passes a picture on."""
