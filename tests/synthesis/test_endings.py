"""How pictures come back from a compression before the manipulation."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from psccnet.pictures.encoding import Encoding, compressed
from psccnet.pictures.sample import MANIPULATIONS
from psccnet.synthesis import Photographs, SynthesisRecipe, Synthesizer

from .conftest import HARD, NO_CAMERA, PLAIN_ENDING, texture


def chroma(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(np.float64)


def steps(picture: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean chroma differences of neighbouring rows and columns inside the 2 x 2 blocks, and between them."""
    inside, between = [], []
    for planes in (chroma(picture), chroma(picture).transpose(1, 0, 2)):
        differences = np.abs(np.diff(planes, axis=0))
        inside.append(differences[0::2].mean())
        between.append(differences[1::2].mean())
    return float(np.mean(inside)), float(np.mean(between))


@pytest.mark.parametrize("size", [(96, 128), (97, 128), (96, 129), (33, 47), (2, 3)])
@pytest.mark.parametrize("quality", [70, 95])
def test_editors_repeat_halved_chroma(size: tuple[int, int], quality: int) -> None:
    picture, encoding = texture(1, *size), Encoding(quality, halved_chroma=True)
    viewed, edited = compressed(picture, encoding), compressed(picture, encoding, repeated_chroma=True)
    assert edited.shape == viewed.shape == picture.shape
    if min(size) > 30:
        inside, between = steps(edited)
        assert inside < 0.1 * between
        inside, between = steps(viewed)
        assert inside > 0.6 * between
    # The brightness is the same, and so, over larger blocks, are the colours: nothing is displaced.
    brightness = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float64) for each in (viewed, edited)]
    assert np.abs(brightness[0] - brightness[1]).mean() < 1
    blurred = [cv2.blur(chroma(each), (9, 9)) for each in (viewed, edited)]
    assert np.abs(blurred[0] - blurred[1]).mean() < 1


def test_there_is_nothing_to_repeat_in_whole_chroma_or_one_row() -> None:
    for picture, encoding in ((texture(2, 40, 50), Encoding(85)), (texture(2, 1, 50), Encoding(85, True))):
        np.testing.assert_array_equal(compressed(picture, encoding, True), compressed(picture, encoding))
    np.testing.assert_array_equal(compressed(texture(2, 40, 50), None, True), texture(2, 40, 50))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_every_class_has_the_same_past(photographs: Photographs, share: float) -> None:
    host = {"history": 1.0, "history_420": 1.0, "repeated_chroma": share}
    recipe = SynthesisRecipe(size=96).changed({"host": host, **PLAIN_ENDING, **HARD, **NO_CAMERA})
    synthesizer = Synthesizer(photographs, None, recipe)
    for index in range(4):
        pristine = synthesizer.sample(index, "pristine")
        inside, between = steps(pristine.image)
        assert inside < 0.1 * between if share else inside > 0.6 * between
        for manipulation in MANIPULATIONS[1:]:
            forged = synthesizer.sample(index, manipulation)
            assert forged.mask is not None
            np.testing.assert_array_equal(forged.image[~forged.mask], pristine.image[~forged.mask])


def test_what_is_pasted_was_opened_by_the_same_editor(
    photographs: Photographs, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bool] = []

    def noted(picture: NDArray[np.uint8], encoding: Encoding | None, repeated_chroma: bool = False) -> object:
        opened.append(repeated_chroma)
        return compressed(picture, encoding, repeated_chroma)

    monkeypatch.setattr("psccnet.synthesis.synthesizer.compressed", noted)
    synthesizer = Synthesizer(
        photographs,
        None,
        SynthesisRecipe(size=96).changed({"host": {"repeated_chroma": 0.5}, "splicing": {"contour_area": (0.05, 0.5)}}),
    )
    seen = set()
    for index in range(16):
        opened.clear()
        synthesizer._draw(index, "splicing")
        assert len(opened) > 1
        assert len(set(opened)) == 1
        seen.add(opened[0])
    assert seen == {True, False}
