import copy
from pathlib import Path

import pytest
import yaml

from psccnet.errors import InputError
from psccnet.pictures.whole_files import merged
from psccnet.training.recipe import Recipe, read_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_defaults_are_the_papers() -> None:
    recipe = Recipe()
    assert (recipe.epochs, recipe.data.batch_size, recipe.data.size) == (25, 10, 256)
    assert (recipe.data.pictures_per_epoch, recipe.data.validation_pictures) == (100_000, 400)
    assert (recipe.optimizer.lr, recipe.optimizer.schedule, recipe.optimizer.halve_every) == (2e-4, "halving", 5)
    assert (recipe.network.variant, recipe.loss.weighting, recipe.loss.evidence) == ("paper", "paper", 0)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_read(path: Path) -> None:
    assert read_recipe(path).name == path.stem


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("epochs: 0", "epochs"),
        ("epoch: 3", "epoch: Extra"),
        ("data: {size: 100}", r"data\.size"),
        ("data: {validation_size: 16}", r"data\.validation_size"),
        ("network: {variant: papr}", r"network\.variant"),
        ("optimizer: {lr: fast}", r"optimizer\.lr"),
        ("optimizer: {momentum: 0.9}", r"optimizer\.momentum: Extra"),
        ("ema_decay: 1", "ema_decay"),
    ],
)
def test_wrong_fields_are_named_with_their_file(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(ValueError, match=rf"mine\.yaml is not a recipe: {field}"):
        read_recipe(written(tmp_path, text))


def test_every_wrong_field_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "epochs: 0\ndata: {workers: -1}")
    with pytest.raises(ValueError, match=r"epochs: .*; data\.workers: "):
        read_recipe(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", r"mine\.yaml: not valid YAML"), ("- a\n- b", r"mine\.yaml must hold fields .*not a list")],
)
def test_files_that_are_no_recipe_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no recipe .*nowhere\.yaml"):
        read_recipe(tmp_path / "nowhere.yaml")


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert read_recipe(written(tmp_path, "")) == Recipe()


def test_changes_are_laid_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "epochs: 3\ndata: {size: 64, batch_size: 2}\noptimizer: {lr: 1e-3}")
    recipe = read_recipe(path, {"epochs": 4, "data": {"size": 96}, "loss": {"evidence": 0.5}})
    assert (recipe.epochs, recipe.data.size, recipe.data.batch_size) == (4, 96, 2)
    assert (recipe.optimizer.lr, recipe.loss.evidence) == (1e-3, 0.5)
    with pytest.raises(ValueError, match=r"mine\.yaml is not a recipe: data\.size"):
        read_recipe(path, {"data": {"size": 65}})


def test_merging_alters_neither() -> None:
    base, changes = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "d": {"e": 5}}
    before = copy.deepcopy((base, changes))
    assert merged(base, changes) == {"a": {"b": 1, "c": 4}, "d": {"e": 5}}
    assert (base, changes) == before


def test_a_recipe_survives_its_own_file(tmp_path: Path) -> None:
    recipe = Recipe.model_validate(
        {"init": "a.ckpt", "data": {"photographs": "p", "synthesis": {"splicing": {"object_area": [0.1, 0.5]}}}}
    )
    assert read_recipe(written(tmp_path, yaml.safe_dump(recipe.model_dump(mode="json")))) == recipe


def test_phases_are_laid_over_the_rest(tmp_path: Path) -> None:
    text = "epochs: 2\ndata: {size: 64, batch_size: 8}\nphases: [{epochs: 3}, {data: {size: 128}}]"
    recipe = read_recipe(written(tmp_path, text))
    one, two = recipe.phase(1), recipe.phase(2)
    assert (one.epochs, one.data.size, one.phases) == (3, 64, [])
    assert (two.epochs, two.data.size, two.data.batch_size) == (2, 128, 8)
    with pytest.raises(ValueError, match=r"mine\.yaml is not a recipe: .*epochs"):
        read_recipe(written(tmp_path, "phases: [{epochs: 0}]"))


def test_only_the_first_phase_starts_as_the_recipe_says(tmp_path: Path) -> None:
    start = "init: default\ninit_part: top_down\nnetwork: {restart_attention: true, freeze: stem}\n"
    recipe = read_recipe(written(tmp_path, start + "phases: [{}, {}, {network: {restart_attention: true}}]"))
    one, two, three = (recipe.phase(number) for number in (1, 2, 3))
    assert (str(one.init), one.init_part, one.network.restart_attention) == ("default", "top_down", True)
    assert (two.init, two.init_part, two.network.restart_attention, two.network.freeze) == (None, "all", False, "stem")
    assert three.network.restart_attention


def test_changes_reach_every_phase(tmp_path: Path) -> None:
    text = "optimizer: {lr: 0.1}\nphases: [{optimizer: {lr: 0.2}, data: {size: 64}}, {optimizer: {lr: 0.3}}]"
    changes = {"optimizer": {"lr": 0.5}, "epochs": 3, "init": "default", "network": {"restart_attention": True}}
    recipe = read_recipe(written(tmp_path, text), changes)
    one, two = recipe.phase(1), recipe.phase(2)
    assert [phase.optimizer.lr for phase in (one, two)] == [0.5, 0.5]
    assert [phase.epochs for phase in (one, two)] == [3, 3]
    assert one.data.size == 64
    assert (str(one.init), two.init) == ("default", None)
    assert (one.network.restart_attention, two.network.restart_attention) == (True, False)


def test_new_first_filters_need_measured_statistics(tmp_path: Path) -> None:
    text = "network: {{restart_colours: true, freeze_batch_norm: true, recalibrate: {}}}"
    assert read_recipe(written(tmp_path, text.format(20))).network.restart_colours
    with pytest.raises(ValueError, match="restart_colours with frozen batch norm needs recalibrate"):
        read_recipe(written(tmp_path, text.format(0)))


def test_twins_need_an_even_batch(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pairs need an even batch_size, not 5"):
        read_recipe(written(tmp_path, "data: {pairs: true, batch_size: 5}"))


def test_a_size_without_a_grid_is_named() -> None:
    network = Recipe.model_validate({"network": {"stem": "unshuffled"}}).network
    assert network.architecture(128).grid == 64
    with pytest.raises(
        InputError, match=r"pictures of 96 give a grid of 48.*\(data\.size, data.* a multiple of 64, or give"
    ):
        network.architecture(96)
