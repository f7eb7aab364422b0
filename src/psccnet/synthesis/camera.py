"""Photograph pictures again with a simulated camera, so that their traces are new and known.

A photograph is reduced, which removes the traces of its own camera and compression, and converted to linear light. Then
it is photographed: colour filter mosaic, noise, demosaicing, denoising, tone curve, sharpening, and optionally a JPEG
compression with a maker's tables. This is done in the same way for hosts of all four classes.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from psccnet.pictures.sample import Picture
from psccnet.synthesis.contours import log_uniform
from psccnet.synthesis.demosaicing import ALGORITHMS, demosaic, mosaic
from psccnet.synthesis.sections import CameraRecipe
from psccnet.synthesis.twins import with_twin

Linear = npt.NDArray[np.float32]
MARGIN = 8
"""So many pixels around a picture are photographed too, then cut off: demosaicing and filters need neighbours."""
_LEVELS = 1 << 16
_CLEAN, _ISO_100 = 2e-6, 1e-4
"""Noise variance per unit of light: of an averaged picture, and of a small sensor at ISO 100."""


@dataclass(frozen=True)
class Camera:
    """The properties of a camera, which all its pictures share.

    Attributes:
        lens_blur: sigma of the blur by lens and filter, in pixels; 0 for none.
        algorithm: of demosaicing, one of `demosaicing.ALGORITHMS`.
        gains: white balance of red, green and blue; that of green is 1.
        saturation: of the colour matrix, whose rows sum to 1; 1 changes nothing.
        gamma: of the tone curve.
        contrast: strength of the tone curve's S shape; 0 for none.
        chroma_blur: sigma of the blur that denoises colours, in pixels; 0 for none.
        smoothing: range of the bilateral denoising, in grey levels; 0 for none.
        sharpening: amount of the unsharp mask; 0 for none.
        sharpening_sigma: sigma of the unsharp mask, in pixels.
        read_noise: standard deviation of the noise without light at ISO 100, as a share of full scale.
    """

    lens_blur: float
    algorithm: str
    gains: tuple[float, float, float]
    saturation: float
    gamma: float
    contrast: float
    chroma_blur: float
    smoothing: float
    sharpening: float
    sharpening_sigma: float
    read_noise: float


@dataclass(frozen=True)
class Shot:
    """The settings of one picture of a camera.

    Attributes:
        camera: that takes the picture.
        phase: row and column of the first red filter, each 0 or 1; random, since the position on the sensor is.
        photon_noise: variance of the noise per unit of light, both as shares of full scale; rises with the ISO.
        read_noise: standard deviation of the noise without light, as a share of full scale.
        exposure: the light is multiplied by it.
    """

    camera: Camera
    phase: tuple[int, int]
    photon_noise: float
    read_noise: float
    exposure: float


def draw_camera(rng: np.random.Generator, recipe: CameraRecipe) -> Camera:
    """Draw a camera."""

    def sometimes(share: float, interval: tuple[float, float]) -> float:
        strength = float(rng.uniform(*interval))
        return strength if rng.random() < share else 0.0

    return Camera(
        lens_blur=float(rng.uniform(*recipe.lens_blur)),
        algorithm=str(rng.choice(ALGORITHMS)),
        gains=(float(rng.uniform(1.2, 2.2)), 1.0, float(rng.uniform(1.2, 2.2))),
        saturation=float(rng.uniform(*recipe.saturation)),
        gamma=float(rng.uniform(1.9, 2.5)),
        contrast=float(rng.uniform(0.0, 0.6)),
        chroma_blur=sometimes(recipe.denoised, (0.6, 2.0)),
        smoothing=sometimes(recipe.denoised / 2, (4.0, 16.0)),
        sharpening=sometimes(recipe.sharpened, recipe.sharpening),
        sharpening_sigma=float(rng.uniform(0.6, 1.6)),
        read_noise=log_uniform(rng, (2e-4, 2e-3)),
    )


def draw_shot(rng: np.random.Generator, recipe: CameraRecipe, camera: Camera | None = None) -> Shot:
    """Draw a picture's settings. A given `camera` may get a new amount of sharpening."""
    if camera is None:
        camera = draw_camera(rng, recipe)
    elif rng.random() < recipe.sharpened:
        camera = replace(camera, sharpening=float(rng.uniform(*recipe.sharpening)))
    phase = int(rng.integers(2)), int(rng.integers(2))
    photon_noise, read_noise = log_uniform(rng, recipe.photon_noise), camera.read_noise
    exposure = float(rng.uniform(*recipe.exposure))
    if rng.random() < recipe.clean:
        return Shot(camera, phase, _CLEAN, read_noise / 5, exposure)
    return Shot(camera, phase, photon_noise, read_noise * max(1.0, photon_noise / _ISO_100) ** 0.5, exposure)


def reduction(rng: np.random.Generator, recipe: CameraRecipe, longest: float) -> float | None:
    """Draw the factor by which to reduce a photograph, at most `longest`; None if that is below the recipe's least."""
    scale = float(rng.uniform(*recipe.reduction))
    return None if longest < recipe.least_reduction else min(scale, longest)


def photograph(rng: np.random.Generator, scene: Picture, size: tuple[int, int], shot: Shot) -> Picture:
    """Take a picture of a scene.

    Args:
        rng: source of the noise.
        scene: HxWx3 uint8, an earlier photograph, larger than `size`.
        size: height and width of the picture on the sensor, both even.
        shot: camera and settings.

    Returns:
        The picture of that height and width, three channels, uint8.
    """
    camera = shot.camera
    curve = _tone_curve(camera)
    light = cv2.LUT(scene, _linear_light(curve))
    light = _plain(cv2.resize(light, size[::-1], interpolation=cv2.INTER_AREA))
    if camera.lens_blur:
        light = _plain(cv2.GaussianBlur(light, (0, 0), camera.lens_blur))
    gains = np.array(camera.gains, np.float32)
    colours = _colour_matrix(camera.saturation)
    seen = _plain(cv2.transform(light, (np.linalg.inv(colours) * shot.exposure / gains[:, None]).astype(np.float32)))
    raw = _with_noise(rng, mosaic(seen, shot.phase), shot)
    linear = demosaic(raw, shot.phase, camera.algorithm, gains)
    linear = _plain(cv2.transform(linear, (colours * gains).astype(np.float32)))
    levels = np.clip(linear * np.float32(_LEVELS - 1), 0, _LEVELS - 1).astype(np.uint16)
    return _finished(curve[levels], camera)


def photograph_crop(
    rng: np.random.Generator, scene: Picture, sides: tuple[int, int], shot: Shot, recipe: CameraRecipe
) -> Picture | None:
    """Take a picture of a random square of an earlier photograph.

    Args:
        rng: source of randomness.
        scene: HxWx3 uint8.
        sides: smallest and largest side of the picture; it becomes as large as the reduced photograph allows.
        shot: camera and settings.
        recipe: with the range of the reduction.

    Returns:
        A square picture, uint8; None if the photograph is too small.
    """
    short = min(scene.shape[:2])
    scale = reduction(rng, recipe, short / _sensor(sides[0]))
    if scale is None:
        return None
    side = min(sides[1], max(sides[0], int(short / scale) // 2 * 2 - 2 * MARGIN))
    sensor = _sensor(side)
    seen = min(round(sensor * scale), short)
    y, x = (int(rng.integers(length - seen + 1)) for length in scene.shape[:2])
    scene = scene[y : y + seen, x : x + seen]
    if rng.random() < recipe.twins:
        scene = with_twin(rng, scene)
    taken = photograph(rng, scene, (sensor, sensor), shot)
    return np.ascontiguousarray(taken[MARGIN : MARGIN + side, MARGIN : MARGIN + side])


def photograph_object(
    rng: np.random.Generator,
    scene: Picture,
    alpha: npt.NDArray[np.float32],
    pixels: float,
    shot: Shot,
    recipe: CameraRecipe,
) -> tuple[Picture, npt.NDArray[np.float32]]:
    """Take a picture of an object, hxwx3 uint8, and resize its alpha, hxw, so that it covers at most about `pixels`."""
    scale = max(float(rng.uniform(*recipe.reduction)), (float(alpha.sum()) / pixels) ** 0.5)
    height, width = (max(4, round(length / scale)) for length in alpha.shape)
    sensor = _sensor(height), _sensor(width)
    # The picture is extended by reflection where the sensor reaches beyond it.
    gap = round(MARGIN * scale)
    lower, right = (
        gap + max(0, round((seen - 2 * MARGIN) * scale) - length)
        for seen, length in zip(sensor, alpha.shape, strict=True)
    )
    around = cv2.copyMakeBorder(np.ascontiguousarray(scene), gap, lower, gap, right, cv2.BORDER_REFLECT)
    taken = photograph(rng, np.asarray(around, np.uint8), sensor, shot)[
        MARGIN : MARGIN + height, MARGIN : MARGIN + width
    ]
    smaller = np.asarray(cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    return np.ascontiguousarray(taken), smaller


def _sensor(side: int) -> int:
    """The side of the sensor for a side of the picture: with margins, and even."""
    return side + 2 * MARGIN + side % 2


def _linear_light(curve: Linear) -> Linear:
    """The linear light, 0..1, of each of 256 grey levels: the inverse of a tone curve."""
    levels = np.interp(np.arange(256), curve, np.arange(_LEVELS))
    return (levels / (_LEVELS - 1)).astype(np.float32)


def _tone_curve(camera: Camera) -> Linear:
    """The grey level, 0..255, of each of 65,536 levels of linear light: a gamma, and an S around the middle."""
    x = np.linspace(0, 1, _LEVELS, dtype=np.float32) ** np.float32(1 / camera.gamma)
    smooth = x * x * (3 - 2 * x)
    return np.asarray(255 * (x + np.float32(camera.contrast) * (smooth - x)), np.float32)


def _colour_matrix(saturation: float) -> npt.NDArray[np.float64]:
    """The matrix from the sensor's colours to the picture's, which increases the distance to grey by `saturation`."""
    grey = np.full((3, 3), 1 / 3)
    return np.asarray(grey + saturation * (np.eye(3) - grey))


def _with_noise(rng: np.random.Generator, raw: Linear, shot: Shot) -> Linear:
    """Add Poisson noise (as Gaussian of the same variance) and read noise; the sensor saturates at 1."""
    raw = np.clip(raw, 0, 1)
    sigma = np.sqrt(raw * np.float32(shot.photon_noise) + np.float32(shot.read_noise**2))
    raw = raw + rng.standard_normal(raw.shape, np.float32) * sigma
    return np.clip(raw, 0, 1)


def _finished(picture: Linear, camera: Camera) -> Picture:
    """Denoise and sharpen HxWx3 float32 in 0..255, as cameras do after the tone curve."""
    if camera.chroma_blur:
        ycc = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
        ycc[..., 1:] = cv2.GaussianBlur(ycc, (0, 0), camera.chroma_blur)[..., 1:]
        picture = _plain(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB))
    if camera.smoothing:
        picture = _plain(cv2.bilateralFilter(picture, 5, camera.smoothing, 1.5))
    if camera.sharpening:
        blurred = cv2.GaussianBlur(picture, (0, 0), camera.sharpening_sigma)
        picture = _plain(cv2.addWeighted(picture, 1 + camera.sharpening, blurred, -camera.sharpening, 0))
    return np.rint(picture).clip(0, 255).astype(np.uint8)


def _plain(picture: object) -> Linear:
    """Type the result of OpenCV as a float32 array."""
    return np.asarray(picture, np.float32)
