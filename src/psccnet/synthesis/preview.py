"""A contact sheet of synthetic pictures and their masks, like the paper's Fig. 4."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from psccnet.synthesis.synthesizer import Synthesizer

COLUMNS = 6
_CELL, _GAP, _TITLE, _LABEL = 160, 6, 24, 14


def contact_sheet(synthesizer: Synthesizer, count: int) -> bytes:
    """Draw the first samples of a set: for each class, a row of pictures above a row of their masks.

    Args:
        synthesizer: of the set.
        count: number of samples of the set; the sheet shows at most six of each class.

    Returns:
        A PNG file. Masks are white where forged; the source of a copy-move is grey.
    """
    kinds = list(synthesizer.kinds)
    shown = [
        [synthesizer.sample(index) for index in range(number, count, len(kinds))[:COLUMNS]]
        for number in range(len(kinds))
    ]
    bands = [(name, samples) for name, samples in zip(kinds, shown, strict=True) if samples]
    heights = [_TITLE + (_CELL + _LABEL if name == "pristine" else 2 * _CELL + _LABEL) + 2 * _GAP for name, _ in bands]
    sheet = Image.new("RGB", (_GAP + COLUMNS * (_CELL + _GAP), sum(heights) + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    title, label = ImageFont.load_default(16), ImageFont.load_default(10)
    top = _GAP
    for (name, samples), height in zip(bands, heights, strict=True):
        draw.text((_GAP, top), name, "black", title)
        for column, sample in enumerate(samples):
            assert sample.mask is not None
            x, y = _GAP + column * (_CELL + _GAP), top + _TITLE
            sheet.paste(_cell(sample.image, Image.Resampling.LANCZOS), (x, y))
            text = sample.method
            if sample.forged:
                mask = sample.mask.astype(np.uint8) * 255
                if sample.source_mask is not None:
                    mask = np.maximum(mask, sample.source_mask.astype(np.uint8) * 110)
                y += _CELL
                sheet.paste(_cell(np.repeat(mask[..., None], 3, axis=2), Image.Resampling.NEAREST), (x, y))
                text += f", {sample.mask.mean():.0%} forged"
            draw.text((x, y + _CELL), text, "#555555", label)
        top += height
    file = io.BytesIO()
    sheet.save(file, format="PNG")
    return file.getvalue()


def _cell(pixels: np.ndarray, resampling: Image.Resampling) -> Image.Image:
    return Image.fromarray(pixels).resize((_CELL, _CELL), resampling)
