"""Which camera took a photograph: by the naming rules of the camera-identification sets, or by the file's EXIF."""

import io
import re

from PIL import Image

from psccnet.pictures.opening import PILLOW_QUIET

_VISION = re.compile(r"(?:^|/)(D\d{2})_[^/]*(?:/|$)|(?:^|/)(D\d{2})_[IVL]_")
_DRESDEN = re.compile(r"(?:^|/)([A-Z][A-Za-z]+_[A-Za-z0-9.\-]+_\d+)_\d{4,}\.(?:jpe?g|JPE?G)$")
_KCMI = re.compile(r"(?:^|/)\(([^/()]+)\)\d+\.(?:jpe?g|JPE?G|tif)$")
_MAKE, _MODEL = 271, 272


def camera_of_name(name: str) -> str | None:
    """The camera that a photograph's path names; None if it follows no known rule.

    Args:
        name: with slashes, such as "D01_Samsung_GalaxyS3Mini/images/nat/D01_I_nat_0001.jpg" (VISION: one device),
            "Canon_Ixus70_0_2367.JPG" (Dresden: maker, model and device) or "train/HTC-1-M7/(HTC-1-M7)1.jpg" (KCMI,
            the IEEE Signal Processing Cup: one model).
    """
    for rule in (_VISION, _DRESDEN, _KCMI):
        match = rule.search(name)
        if match:
            return next(group for group in match.groups() if group)
    return None


def camera_of_exif(data: bytes) -> str | None:
    """The maker and model that a picture file's EXIF tells, or None."""
    try:
        with PILLOW_QUIET, Image.open(io.BytesIO(data)) as picture:
            exif = picture.getexif()
    except Exception:  # Of damaged files, Pillow raises whatever comes up.
        return None
    words = (str(exif.get(tag, "")).strip("\0 ") for tag in (_MAKE, _MODEL))
    return " ".join(word for word in words if word) or None
