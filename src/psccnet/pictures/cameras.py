"""Find out which camera took a photograph: from the names in camera-identification sets, or from the file's EXIF."""

import io
import re

from PIL import Image

from psccnet.pictures.opening import PILLOW_QUIET

_VISION = re.compile(r"(?:^|/)(D\d{2})_[^/]*(?:/|$)|(?:^|/)(D\d{2})_[IVL]_")
_DRESDEN = re.compile(r"(?:^|/)([A-Z][A-Za-z]+_[A-Za-z0-9.\-]+_\d+)_\d{4,}\.(?:jpe?g|JPE?G)$")
_KCMI = re.compile(r"(?:^|/)\(([^/()]+)\)\d+\.(?:jpe?g|JPE?G|tif)$")
_MAKE, _MODEL = 271, 272


def camera_of_name(name: str) -> str | None:
    """The camera that a photograph's path names; None if the path follows no known rule.

    Args:
        name: a path with slashes, such as "D01_Samsung_GalaxyS3Mini/images/nat/D01_I_nat_0001.jpg" (VISION: a device),
            "Canon_Ixus70_0_2367.JPG" (Dresden: maker, model and device) or "train/HTC-1-M7/(HTC-1-M7)1.jpg" (KCMI,
            the IEEE Signal Processing Cup: a model).

    Examples:
        >>> camera_of_name("D01_Samsung_GalaxyS3Mini/images/nat/D01_I_nat_0001.jpg")
        'D01'
        >>> camera_of_name("Canon_Ixus70_0_2367.JPG")
        'Canon_Ixus70_0'
        >>> camera_of_name("holiday.jpg") is None
        True
    """
    for rule in (_VISION, _DRESDEN, _KCMI):
        match = rule.search(name)
        if match:
            return next(group for group in match.groups() if group)
    return None


def camera_of_exif(data: bytes) -> str | None:
    """The maker and model in a picture file's EXIF, or None."""
    try:
        with PILLOW_QUIET, Image.open(io.BytesIO(data)) as picture:
            exif = picture.getexif()
    except Exception:  # Pillow raises many kinds of exceptions for damaged files.
        return None
    names = (str(exif.get(tag, "")).strip("\0 ") for tag in (_MAKE, _MODEL))
    return " ".join(name for name in names if name) or None
