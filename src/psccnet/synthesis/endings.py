"""Compression before and after the manipulation, alike in every class.

Pristine and forged pictures pass through the same draws here; otherwise a network learns to tell how a
picture was stored, not whether it was manipulated.
"""

import cv2
import numpy as np

from psccnet.pictures.encoding import Encoding, compressed, encode
from psccnet.pictures.sample import Picture
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe


def draw_history(rng: np.random.Generator, recipe: SynthesisRecipe) -> Encoding | None:
    """Draw how a host or donor was compressed before the manipulation, if at all."""
    if rng.random() >= recipe.history:
        return None
    low, high = recipe.history_quality
    quality = int(rng.integers(int(low), int(high) + 1))
    return Encoding(quality, bool(rng.random() < recipe.history_420))


def draw_encoding(rng: np.random.Generator, recipe: SynthesisRecipe, before: int | None = None) -> Encoding:
    """Draw the final file format, given the quality of the host's compression before."""
    if rng.random() >= recipe.final_jpeg:
        return Encoding(None)
    low, high = recipe.final_quality
    if before is not None and rng.random() < recipe.final_finer:
        low = min(max(low, before), high)
    return Encoding(int(rng.integers(int(low), int(high) + 1)), bool(rng.random() < recipe.final_420))


def finish_encoded(
    picture: Picture, rng: np.random.Generator, recipe: SynthesisRecipe, before: int | None = None
) -> tuple[bytes, Encoding]:
    """Do as `finish` does with the same `rng`, but return the encoded file's bytes and its format."""
    encoding = draw_encoding(rng, recipe, before)
    return encode(post_process(picture, rng, recipe), encoding), encoding


def post_process(picture: Picture, rng: np.random.Generator, recipe: SynthesisRecipe) -> Picture:
    """Blur, add noise to or resample the whole picture, each with a small probability; its size stays."""
    if rng.random() < recipe.post:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(*recipe.post_blur)), np.uint8)
    if rng.random() < recipe.post:
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(*recipe.post_noise))
        picture = np.rint(picture + noise).clip(0, 255).astype(np.uint8)
    if rng.random() < recipe.post:
        height, width = picture.shape[:2]
        scale = rng.uniform(*recipe.post_scale)
        there = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_CUBIC)
        picture = np.asarray(cv2.resize(there, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    return picture


def finish(picture: Picture, rng: np.random.Generator, recipe: SynthesisRecipe, before: int | None = None) -> Picture:
    """Post-process HxWx3 uint8, encode and decode it again: the end of every class.

    Args:
        picture: of any class.
        rng: source of randomness, the same for all classes.
        recipe: probabilities and ranges.
        before: JPEG quality of the host's compression before the manipulation, if it had one.
    """
    encoding = draw_encoding(rng, recipe, before)
    picture = post_process(picture, rng, recipe)
    return picture if encoding.quality is None else compressed(picture, encoding)
