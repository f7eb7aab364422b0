"""Compression before and after the manipulation, drawn in the same way for every class.

If pristine and forged pictures were compressed differently, a network would learn how a picture was stored instead of
whether it was manipulated.
"""

from dataclasses import replace

import cv2
import numpy as np

from psccnet.pictures.encoding import Encoding, compressed, encode
from psccnet.pictures.sample import Picture, Sample
from psccnet.synthesis.last_mile import Way, draw_way, resized_mask, travel
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe


def draw_history(rng: np.random.Generator, recipe: SynthesisRecipe) -> Encoding | None:
    """Draw the compression of a host or donor before the manipulation; None for none."""
    if rng.random() >= recipe.host.history:
        return None
    low, high = recipe.host.history_quality
    quality = int(rng.integers(int(low), int(high) + 1))
    return Encoding(quality, bool(rng.random() < recipe.host.history_420))


def draw_encoding(rng: np.random.Generator, recipe: SynthesisRecipe, before: int | None = None) -> Encoding:
    """Draw the final file format, given the quality of the host's compression before."""
    if rng.random() >= recipe.ending.jpeg:
        return Encoding(None)
    low, high = recipe.ending.quality
    if before is not None and rng.random() < recipe.ending.finer:
        low = min(max(low, before), high)
    return Encoding(int(rng.integers(int(low), int(high) + 1)), bool(rng.random() < recipe.ending.halved_chroma))


def post_process(picture: Picture, rng: np.random.Generator, recipe: SynthesisRecipe) -> Picture:
    """Blur, add noise to or resample the whole picture, each with a small probability; the size stays the same."""
    if rng.random() < recipe.ending.post:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(*recipe.ending.blur)), np.uint8)
    if rng.random() < recipe.ending.post:
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(*recipe.ending.noise))
        picture = np.rint(picture + noise).clip(0, 255).astype(np.uint8)
    if rng.random() < recipe.ending.post:
        height, width = picture.shape[:2]
        scale = rng.uniform(*recipe.ending.scale)
        scaled = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_CUBIC)
        picture = np.asarray(cv2.resize(scaled, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    return picture


def finish(
    picture: Picture,
    rng: np.random.Generator,
    recipe: SynthesisRecipe,
    before: int | None = None,
    way: Way | None = None,
) -> Picture:
    """Post-process HxWx3 uint8, pass it through its way, and encode and decode it: the last step for every class.

    Args:
        picture: a square of any class, with the side `way.side`, or `recipe.size` if `way` is None.
        rng: source of randomness, the same for all classes.
        recipe: probabilities and ranges.
        before: JPEG quality of the host's compression before the manipulation, if it had one.
        way: through a social network, a screenshot or a phone; None for no such way.

    Returns:
        recipe.size x recipe.size x 3 uint8.
    """
    picture, encoding = _before_the_file(picture, rng, recipe, before, way)
    return picture if encoding.quality is None else compressed(picture, encoding)


def finish_encoded(
    picture: Picture,
    rng: np.random.Generator,
    recipe: SynthesisRecipe,
    before: int | None = None,
    way: Way | None = None,
) -> tuple[bytes, Encoding]:
    """The same as `finish` with the same `rng`, but return the bytes of the encoded file and its format."""
    picture, encoding = _before_the_file(picture, rng, recipe, before, way)
    return encode(picture, encoding), encoding


def _before_the_file(
    picture: Picture, rng: np.random.Generator, recipe: SynthesisRecipe, before: int | None, way: Way | None
) -> tuple[Picture, Encoding]:
    saved = draw_encoding(rng, recipe, before)
    picture = post_process(picture, rng, recipe)
    return (picture, saved) if way is None else travel(picture, rng, recipe, way, saved)


def finish_sample(sample: Sample, rng: np.random.Generator, recipe: SynthesisRecipe, way: Way | None = None) -> Sample:
    """Apply the last step of synthetic pictures, `finish`, to a sample of any data set, and resize its masks.

    Args:
        sample: a square picture of any side; ideally of `way.side`, since `way` resizes it.
        rng: source of randomness; it must not depend on the class.
        recipe: probabilities and ranges.
        way: from `draw_way`; None draws one.

    Returns:
        The sample, recipe.size x recipe.size.

    Raises:
        ValueError: if the picture is not square.
    """
    height, width = sample.image.shape[:2]
    if height != width:
        raise ValueError(f"{sample.id}: a picture of {width} x {height} is not square; crop it first")
    way = draw_way(rng, recipe) if way is None else way
    if height != recipe.size and way.kind in ("none", "phone"):
        sample = resized_sample(sample, recipe.size)
    image = finish(sample.image, rng, recipe, None, way)
    return replace(resized_sample(sample, recipe.size), image=image)


def resized_sample(sample: Sample, size: int) -> Sample:
    """Resize a square sample by area averaging; a pixel of a mask is forged where the average is above one half."""
    if sample.image.shape[:2] == (size, size):
        return sample
    mask = None if sample.mask is None else resized_mask(sample.mask, size)
    source_mask = None if sample.source_mask is None else resized_mask(sample.source_mask, size)
    image = np.asarray(cv2.resize(sample.image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    return replace(sample, image=image, mask=mask, source_mask=source_mask)
