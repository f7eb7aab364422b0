"""Draw the examples of docs/evidence.md: for each trace a correct and a false alarm, on pictures of scikit-image.

python benchmarks/evidence_pictures.py docs/evidence/
"""

import argparse
import io
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

from psccnet.evidence.colour_filter import colour_filter
from psccnet.evidence.copy_move import copy_move
from psccnet.evidence.double_compression import double_compression
from psccnet.evidence.error_level import error_level
from psccnet.evidence.jpeg_grid import jpeg_grid
from psccnet.evidence.noise import noise_level
from psccnet.evidence.square_statistics import square_statistics
from psccnet.inference.finding_drawing import draw_finding

HEIGHT = 300


def saved(picture: np.ndarray, quality: int) -> np.ndarray:
    """Compress a picture as JPEG."""
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


def copied() -> np.ndarray:
    """The astronaut with a copy of her face, rotated by 20 degrees."""
    picture = skimage.data.astronaut()
    part = np.zeros(picture.shape[:2], np.uint8)
    cv2.ellipse(part, (224, 110), (48, 62), 0, 0, 360, 1, -1)
    matrix = cv2.getRotationMatrix2D((224, 110), 20, 1)
    matrix[:, 2] += (160, 230)
    moved = cv2.warpAffine(picture, matrix, (512, 512), flags=cv2.INTER_CUBIC)
    there = cv2.warpAffine(part, matrix, (512, 512)) > 0
    return saved(np.where(there[..., None], moved, picture), 90)


def pasted(quality: int) -> np.ndarray:
    """The cup of coffee pasted into the astronaut's picture; both were JPEGs before."""
    picture = saved(skimage.data.astronaut(), quality)
    picture[101:261, 303:503] = saved(skimage.data.coffee(), 75)[120:280, 200:400]
    return picture


def collage() -> np.ndarray:
    """Two photographs side by side, as in a chat."""
    one, other = saved(skimage.data.chelsea(), 90), saved(skimage.data.coffee(), 75)
    return np.concatenate([one[:300, :451], other[50:350, 100:500]], axis=1)


def file(picture: np.ndarray, quality: int, full_colours: bool = False) -> bytes:
    """A JPEG."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality, subsampling=0 if full_colours else 2)
    return stream.getvalue()


def edited() -> bytes:
    """The astronaut on the coffee's cup: a JPEG that an editor opened, changed and saved with full colours."""
    picture = saved(skimage.data.coffee(), 75)
    part = np.zeros(picture.shape[:2], np.uint8)
    cv2.ellipse(part, (300, 150), (85, 130), 0, 0, 360, 1, -1)
    other = np.zeros_like(picture)
    other[:, 100:500] = skimage.data.astronaut()[:400, 20:420]
    return file(np.where(part[..., None] > 0, other, picture), 92, full_colours=True)


def photographed(picture: np.ndarray) -> np.ndarray:
    """As a camera takes it: noisy, one colour a pixel, the rest interpolated."""
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    mosaic = np.zeros(picture.shape[:2], np.uint8)
    for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = noisy[row::2, column::2, colour]
    return cv2.cvtColor(mosaic, cv2.COLOR_BayerRGGB2RGB)


def without_filter() -> np.ndarray:
    """The astronaut, scaled and so without the pattern of a filter, on a photograph of a cup that has it."""
    picture = photographed(skimage.data.coffee())
    part = np.zeros(picture.shape[:2], np.uint8)
    cv2.ellipse(part, (300, 150), (85, 130), 0, 0, 360, 1, -1)
    scaled = cv2.resize(photographed(skimage.data.astronaut()), (400, 400), interpolation=cv2.INTER_AREA)
    other = np.zeros_like(picture)
    other[:, 100:500] = scaled
    return np.where(part[..., None] > 0, other, picture)


def portrait_mode() -> np.ndarray:
    """A cat whose surroundings a telephone has blurred by itself."""
    picture = photographed(skimage.data.chelsea())
    part = np.zeros(picture.shape[:2], np.float32)
    cv2.ellipse(part, (230, 150), (170, 140), 0, 0, 360, 1, -1)
    sharp = cv2.GaussianBlur(part, (0, 0), 6)[..., None]
    blurred = cv2.GaussianBlur(picture, (0, 0), 2.5)
    return (sharp * picture + (1 - sharp) * blurred).round().astype(np.uint8)


def pieced() -> np.ndarray:
    """A picture of a rocket, with a part of the sky that has less noise, as from another camera."""
    noise = np.random.default_rng(0).standard_normal((427, 640, 3)).astype(np.float32)
    part = np.zeros(noise.shape[:2], np.uint8)
    cv2.ellipse(part, (450, 120), (120, 100), 0, 0, 360, 1, -1)
    level = np.where(part[..., None] > 0, 2.0, 6.0)
    return (skimage.data.rocket() + level * noise).round().clip(0, 255).astype(np.uint8)


def drawn(picture: np.ndarray, trace) -> np.ndarray:
    """The picture next to the drawing of the trace."""
    finding = trace(picture)
    print(f"{finding.name}: {finding.sentence}")
    shown = draw_finding(finding, picture)
    both = np.concatenate([picture, picture if shown is None else shown], axis=1)
    width = round(both.shape[1] * HEIGHT / both.shape[0])
    return cv2.resize(both, (width, HEIGHT), interpolation=cv2.INTER_AREA)


def decoded(data: bytes) -> np.ndarray:
    """Its pixels."""
    return np.asarray(Image.open(io.BytesIO(data)))


def main() -> None:
    """Write the fourteen pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    def grid(picture: np.ndarray):
        return jpeg_grid(picture, is_jpeg=False)

    def of_file(trace, data: bytes):
        return lambda _: trace(data)

    hit, once, coffee = edited(), file(saved(skimage.data.coffee(), 70), 92), file(skimage.data.coffee(), 92, True)
    phantom = np.asarray(Image.open(Path(skimage.__file__).parent / "data" / "phantom.png").convert("RGB"))
    for name, picture, trace in (
        ("copy-move-hit", copied(), copy_move),
        ("copy-move-false", phantom, copy_move),
        ("jpeg-grid-hit", pasted(92), grid),
        ("jpeg-grid-false", collage(), grid),
        ("colour-filter-hit", without_filter(), colour_filter),
        ("colour-filter-false", portrait_mode(), colour_filter),
        ("double-compression-hit", decoded(hit), of_file(double_compression, hit)),
        ("double-compression-false", decoded(once), of_file(double_compression, once)),
        ("square-statistics-hit", decoded(hit), lambda picture: square_statistics(picture, hit)),
        ("square-statistics-false", decoded(coffee), lambda picture: square_statistics(picture, coffee)),
        ("noise-hit", pieced(), noise_level),
        ("noise-false", saved(skimage.data.rocket(), 85), noise_level),
        ("ela-hit", pasted(96), error_level),
        ("ela-false", skimage.data.rocket(), error_level),
    ):
        Image.fromarray(drawn(picture, trace)).save(folder / f"{name}.jpg", quality=80)


if __name__ == "__main__":
    main()
