"""A manipulation of the user's own in a set, beside those of the paper."""

import sys
from pathlib import Path

import numpy as np
import pytest

from psccnet.synthesis import Photographs, SynthesisRecipe, Synthesizer
from psccnet.training.sources import Pairs

WORDS = "my_darkening:darkened"


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SynthesisRecipe:
    (tmp_path / "my_darkening.py").write_text(
        "def darkened(picture, rng):\n"
        "    mask = picture[..., 0] > int(rng.integers(60, 120))\n"
        "    picture[mask] //= 3\n"
        "    return picture, mask\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_darkening", raising=False)
    return SynthesisRecipe(size=64, manipulations=("pristine", "splicing", WORDS))


def test_it_takes_its_turn_and_has_its_endings(photographs: Photographs, recipe: SynthesisRecipe) -> None:
    synthesizer = Synthesizer(photographs, None, recipe, seed=4)
    samples = [synthesizer.sample(index) for index in range(6)]
    assert [sample.manipulation for sample in samples] == ["pristine", "splicing", "darkened"] * 2
    own = samples[2]
    assert (own.forged, own.method) == (True, "darkened")
    assert own.mask is not None
    assert own.mask.any()
    twin = synthesizer.sample(2, "pristine")
    changed = np.abs(own.image.astype(int) - twin.image).sum(axis=2)
    assert changed[own.mask].mean() > 5 * changed[~own.mask].mean()
    assert (Synthesizer(photographs, None, recipe, seed=4).sample(2).image == own.image).all()


def test_other_classes_do_not_change_by_it(photographs: Photographs, recipe: SynthesisRecipe) -> None:
    plain = Synthesizer(photographs, None, SynthesisRecipe(size=64), seed=4)
    own = Synthesizer(photographs, None, recipe, seed=4)
    assert (plain.sample(5, "splicing").image == own.sample(5, "splicing").image).all()


def test_pairs_take_it_in_turn(photographs: Photographs, recipe: SynthesisRecipe) -> None:
    pairs = Pairs(Synthesizer(photographs, None, recipe, seed=4))
    kinds = [pairs.sample(index).manipulation for index in range(4)]
    assert kinds == ["splicing", "pristine", "darkened", "pristine"]


@pytest.mark.parametrize("names", [(), ("pristine",), ("splicing", "splicing"), ("removal", "a:removal")])
def test_a_recipe_names_a_forgery_and_each_once(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="must name a forgery, and each once"):
        SynthesisRecipe(manipulations=names)
