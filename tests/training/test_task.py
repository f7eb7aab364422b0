import itertools
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from psccnet.training.data import TrainingData
from psccnet.training.recipe import Recipe
from psccnet.training.task import PSCCTask, lr_factor


def schedule(**optimizer: object) -> Recipe:
    return Recipe.model_validate({"epochs": 25, "optimizer": optimizer})


def test_the_rate_is_halved_every_five_epochs() -> None:
    recipe = schedule()
    factors = {step: lr_factor(recipe, step, steps_per_epoch=10) for step in (0, 49, 50, 99, 100, 249)}
    assert factors == {0: 1, 49: 1, 50: 0.5, 99: 0.5, 100: 0.25, 249: 1 / 16}
    assert lr_factor(schedule(halve_every=2), 20, 10) == 0.5


def test_warm_up_is_linear() -> None:
    recipe = schedule(schedule="constant", warmup_steps=4)
    assert [lr_factor(recipe, step, 10) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert lr_factor(schedule(warmup_steps=4), 1, 10) == 0.5


def test_cosine_ends_at_a_hundredth() -> None:
    recipe = schedule(schedule="cosine")
    factors = [lr_factor(recipe, step, 10) for step in range(251)]
    assert factors[0] == 1
    assert factors[125] == pytest.approx(0.505)
    assert factors[250] == pytest.approx(0.01)
    assert all(later < earlier for earlier, later in itertools.pairwise(factors))
    assert lr_factor(recipe, 300, 10) == pytest.approx(0.01)


def batch_norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]


def task(**network: object) -> PSCCTask:
    return PSCCTask(Recipe.model_validate({"data": {"size": 32}, "network": network}))


def test_batch_norm_takes_the_recipes_momentum() -> None:
    assert {layer.momentum for layer in batch_norms(task().network)} == {0.01}
    assert {layer.momentum for layer in batch_norms(task(batch_norm_momentum=0.2).network)} == {0.2}


def test_evidence_is_for_the_papers_head() -> None:
    recipe = Recipe.model_validate({"data": {"size": 32}, "loss": {"evidence": 0.5}})
    PSCCTask(recipe)
    with pytest.raises(ValueError, match=r"set it to 0 for detection contrast"):
        PSCCTask(recipe, "contrast")


def test_frozen_batch_norm_stays_frozen_in_training() -> None:
    usual, frozen = task(), task(freeze_batch_norm=True)
    assert all(layer.training for layer in batch_norms(usual.network))
    assert not any(layer.training for layer in batch_norms(frozen.network))
    assert frozen.network.training


def test_a_frozen_top_down_path_does_not_learn() -> None:
    frozen = task(freeze="top_down").train()
    before = {name: value.clone() for name, value in frozen.network.top_down.state_dict().items()}
    prediction = frozen(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8))
    (prediction.detection_logits.sum() + prediction.mask_logits[0].sum()).backward()
    assert all(parameter.grad is None for parameter in frozen.network.top_down.parameters())
    assert all(parameter.grad is not None for parameter in frozen.network.detection_head.parameters())
    assert all(torch.equal(value, before[n]) for n, value in frozen.network.top_down.state_dict().items())
    assert all(layer.training for layer in batch_norms(frozen.network.detection_head))


def test_a_frozen_stem_does_not_learn_but_the_stages_do() -> None:
    frozen = task(freeze="stem").train()
    top_down = frozen.network.top_down
    before = top_down.bn1.running_mean.clone()
    prediction = frozen(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8))
    (prediction.detection_logits.sum() + prediction.mask_logits[0].sum()).backward()
    of_stem = [parameter for module in top_down.stem_modules() for parameter in module.parameters()]
    assert all(parameter.grad is None for parameter in of_stem)
    assert top_down.stage2[0].branches[0][0].conv1.weight.grad is not None
    assert torch.equal(top_down.bn1.running_mean, before)
    assert set(frozen.state_dict()) == set(task().state_dict())


@pytest.mark.parametrize("detection", ["head", "contrast"])
@pytest.mark.parametrize("freeze", [True, False])
def test_the_task_predicts_what_its_network_predicts(freeze: bool, detection: str) -> None:
    one = task(freeze_batch_norm=freeze, detection=detection).eval()
    picture = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        prediction = one(picture)
        evidence = prediction.evidence
        expected = one.network(picture / 255)
    assert evidence is None if detection == "contrast" else evidence.shape == (2, 128, 4, 4)
    torch.testing.assert_close(prediction.detection_logits, expected.detection_logits)
    for mask, wanted in zip(prediction.mask_logits, expected.mask_logits, strict=True):
        torch.testing.assert_close(mask, wanted, rtol=1e-4, atol=1e-5)


def test_theta_and_phi_learn_at_their_own_rate(recipe: Recipe) -> None:
    recipe.optimizer.attention_lr = 0.05
    task = PSCCTask(recipe)
    task.trainer = SimpleNamespace(datamodule=TrainingData(recipe), world_size=1)
    rest, slow = task.configure_optimizers()["optimizer"].param_groups
    assert slow["initial_lr"] == pytest.approx(0.05 * rest["initial_lr"])
    names = {id(value): name for name, value in task.named_parameters()}
    assert all("theta" in names[id(one)] or "phi" in names[id(one)] for one in slow["params"])
    assert not any("theta" in names[id(one)] or "phi" in names[id(one)] for one in rest["params"])
    assert len(slow["params"]) == 16
    recipe.optimizer.attention_lr = 1
    assert len(task.configure_optimizers()["optimizer"].param_groups) == 1
