"""Measure batch-norm statistics again.

Running statistics do not fit averaged weights, or weights that are trained further at another picture size: activations
are different. On 64 synthetic pictures after 300 steps, new statistics raised the pixel AUC of the averaged weights
from 0.60 to 0.70.
"""

import sys
from itertools import islice

import torch
from torch import nn

from psccnet.training.data import TrainingData
from psccnet.training.processor import chosen_precision
from psccnet.training.task import PSCCTask


@torch.no_grad()
def recalibrate_batch_norm(task: PSCCTask, data: TrainingData, batches: int) -> None:
    """Replace the running statistics, in place, by their mean over batches of training pictures.

    Args:
        task: with the weights; its mode and momenta do not change.
        data: of the training pictures.
        batches: number of batches.
    """
    norms = [module for module in task.network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    modes = [norm.training for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()
    enabled = chosen_precision(task.recipe.precision) == "bf16-mixed"
    for number, batch in enumerate(islice(data.calibration_loader(), batches), start=1):
        with torch.autocast(task.device.type, torch.bfloat16, enabled=enabled):
            task(batch["picture"].to(task.device))
        if sys.stderr.isatty():
            print(f"\rbatch norm: {number} of {batches} batches", end="\n" * (number == batches), file=sys.stderr)
    for norm, momentum, mode in zip(norms, momenta, modes, strict=True):
        norm.momentum = momentum
        norm.train(mode)
