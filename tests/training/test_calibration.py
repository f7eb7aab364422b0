import torch
from torch import nn

from psccnet.training.calibration import recalibrate_batch_norm
from psccnet.training.data import TrainingData
from psccnet.training.recipe import Recipe
from psccnet.training.task import PSCCTask


def test_statistics_become_those_of_the_training_pictures(recipe: Recipe) -> None:
    torch.manual_seed(0)
    task = PSCCTask(recipe)
    first = task.network.top_down.bn1
    first.running_mean.fill_(1000.0)
    first.running_var.fill_(1e-3)
    weights = {name: value.clone() for name, value in task.named_parameters()}
    data = TrainingData(recipe)

    recalibrate_batch_norm(task.eval(), data, batches=3)

    batches = [batch["picture"].float() / 255 for batch, _ in zip(data.calibration_loader(), range(3), strict=False)]
    maps = [task.network.top_down.conv1(batch) for batch in batches]
    expected = torch.stack([m.mean(dim=(0, 2, 3)) for m in maps]).mean(dim=0)
    torch.testing.assert_close(first.running_mean, expected, rtol=1e-3, atol=1e-4)
    assert not any(m.training for m in task.network.modules() if isinstance(m, nn.BatchNorm2d))
    assert first.momentum == recipe.network.batch_norm_momentum
    assert all(torch.equal(value, weights[name]) for name, value in task.named_parameters())
