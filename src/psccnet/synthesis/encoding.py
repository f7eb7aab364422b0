"""Compression before and after the manipulation, alike in every class.

Pristine and forged pictures pass through the same draws here; otherwise a network learns to tell how a
picture was stored, not whether it was manipulated.
"""

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from psccnet.datasets.sample import Picture
from psccnet.synthesis.photographs import decode
from psccnet.synthesis.recipe import SynthesisRecipe


@dataclass(frozen=True)
class Encoding:
    """A file format: JPEG of `quality` (1..100), with or without halved chroma; PNG if quality is None."""

    quality: int | None
    halved_chroma: bool = False

    @property
    def suffix(self) -> str:
        """The file name's ending."""
        return ".png" if self.quality is None else ".jpg"


def draw_history(rng: np.random.Generator, recipe: SynthesisRecipe) -> Encoding | None:
    """Draw how a host or donor was compressed before the manipulation, if at all."""
    if rng.random() >= recipe.history:
        return None
    low, high = recipe.history_quality
    quality = int(rng.integers(int(low), int(high) + 1))
    return Encoding(quality, bool(rng.random() < recipe.history_420))


def compressed(picture: Picture, encoding: Encoding | None, repeated_chroma: bool = False) -> Picture:
    """HxWx3 uint8 as it comes back from a file of that format; as it is, if there is none.

    Args:
        picture: to compress.
        encoding: of the file.
        repeated_chroma: decode halved chroma as some editors do, each sample repeated over its 2 x 2 pixels.
    """
    if encoding is None:
        return picture
    data = encode(picture, encoding)
    if repeated_chroma and encoding.halved_chroma and min(picture.shape[:2]) > 1:
        return _with_repeated_chroma(data)
    return decode(data, "compressed picture")


def _with_repeated_chroma(data: bytes) -> Picture:
    """Decode a 4:2:0 JPEG; at half the size, the decoder gives its chroma as it is stored."""
    with Image.open(BytesIO(data)) as whole, Image.open(BytesIO(data)) as half:
        width, height = whole.size
        whole.draft("YCbCr", whole.size)
        half.draft("YCbCr", (width // 2, height // 2))
        stored = np.asarray(half)[..., :0:-1]  # Cr and Cb, as OpenCV has them
        assert stored.shape[:2] == ((height + 1) // 2, (width + 1) // 2)
        chroma = stored.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
        both = np.concatenate([np.asarray(whole)[..., :1], chroma], axis=2)
    return np.asarray(cv2.cvtColor(both, cv2.COLOR_YCrCb2RGB), np.uint8)


def draw_encoding(rng: np.random.Generator, recipe: SynthesisRecipe, before: int | None = None) -> Encoding:
    """Draw the final file format, given the quality of the host's compression before."""
    if rng.random() >= recipe.final_jpeg:
        return Encoding(None)
    low, high = recipe.final_quality
    if before is not None and rng.random() < recipe.final_finer:
        low = min(max(low, before), high)
    return Encoding(int(rng.integers(int(low), int(high) + 1)), bool(rng.random() < recipe.final_420))


def encode(picture: Picture, encoding: Encoding) -> bytes:
    """Return HxWx3 uint8 RGB as the bytes of a file; ValueError if the encoder refuses it."""
    options: list[int] = []
    if encoding.quality is not None:
        chroma = (
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if encoding.halved_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        )
        options = [cv2.IMWRITE_JPEG_QUALITY, encoding.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, chroma]
    done, data = cv2.imencode(encoding.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as {encoding}")
    return bytes(data)


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
