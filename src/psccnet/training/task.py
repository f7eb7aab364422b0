"""The training task: loss, optimiser, schedule and validation of the network."""

import logging
import math
from copy import deepcopy
from typing import Any, cast

import numpy as np
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from psccnet.errors import InputError, NotANumberError
from psccnet.metrics import PooledAUC, auc
from psccnet.network import Prediction, PSCCLoss, PSCCNet, initialise
from psccnet.network.architecture import Detection
from psccnet.network.folding import fold_batch_norm, folded_parameters
from psccnet.network.hrnet import resample
from psccnet.network.initialisation import similarity_layers
from psccnet.network.losses import downsample_ground_truth
from psccnet.training.data import Batch, TrainingData
from psccnet.training.real_validation import RealPicture, RealScores
from psccnet.training.recipe import Recipe

log = logging.getLogger(__name__)


class PSCCTask(LightningModule):
    """PSCC-Net and its training from a recipe.

    Args:
        recipe: of the run.
        detection: the detection head if the recipe has none.

    Raises:
        InputError: if the recipe has an evidence loss, which needs the paper's head, with another detection head.
    """

    def __init__(self, recipe: Recipe, detection: Detection = "head") -> None:
        super().__init__()
        self.recipe = recipe
        fields = recipe.network
        architecture = fields.architecture(recipe.data.size, detection)
        if recipe.loss.evidence and architecture.detection != "head":
            raise InputError(
                f"loss.evidence needs network.detection head; set it to 0 for detection {architecture.detection}"
            )
        self.network = PSCCNet(architecture)
        initialise(self.network, fields.initialisation)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss = PSCCLoss(recipe.loss.weighting, recipe.loss.masks)
        self.evidence = nn.Conv2d(128, 1, 1)
        self.evidence.requires_grad_(recipe.loss.evidence > 0)
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = fields.batch_norm_momentum
        top_down = self.network.top_down
        parts: dict[str, list[nn.Module]] = {"nothing": [], "stem": top_down.stem_modules(), "top_down": [top_down]}
        # In a tuple, so that torch does not register them as submodules and each weight has one name.
        self._frozen = tuple(parts[fields.freeze])
        for module in self._frozen:
            module.requires_grad_(False)
        # On the "meta" device: structure without memory. `forward` passes in the folded parameters.
        self._folded = (fold_batch_norm(deepcopy(self.network).to("meta").eval()),)
        self._left_out: set[str] = set()
        self.validated_step: int | None = None
        """The step to log for a validation outside of training; None is step 0."""
        self._reset_validation()
        self.train()  # Lightning does not change the modes

    def on_fit_start(self) -> None:
        """Enter training mode everywhere: Lightning warns of modules in evaluation mode, even if they are frozen."""
        super().train()

    def on_train_start(self) -> None:
        """Enter the recipe's modes after Lightning's check."""
        self.train()

    def train(self, mode: bool = True) -> "PSCCTask":
        """Enter training mode; frozen batch norm and frozen parts stay in evaluation mode."""
        super().train(mode)
        if self.recipe.network.freeze_batch_norm:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        for module in self._frozen:
            module.eval()
        return self

    def forward(self, picture: Tensor) -> Prediction:
        """Predict for pictures (B, 3, H, W) uint8."""
        picture = (picture.float() / 255).contiguous(memory_format=torch.channels_last)
        if any(module.training for module in self.network.modules() if isinstance(module, nn.BatchNorm2d)):
            prediction: Prediction = self.network(picture)
            return prediction
        # Batch norm takes a third of a step, mostly memory traffic; folded, it costs nothing.
        (folded,) = self._folded
        folded.grid = self.network.grid
        found: Prediction = functional_call(folded, folded_parameters(self.network), (picture,), strict=True)
        return found

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """One step: Eq. 5 and, if the recipe has it, the evidence loss."""
        prediction = self(batch["picture"])
        mask = batch["mask"].float()
        parts = self.loss(prediction, mask, batch["forged"])
        if self.recipe.loss.evidence and prediction.evidence is not None:
            evidence = self.evidence(prediction.evidence)
            height, width = evidence.shape[-2:]
            truth = downsample_ground_truth(mask, (height, width))
            parts["evidence"] = functional.binary_cross_entropy_with_logits(evidence.float(), truth)
            parts["loss"] = parts["loss"] + self.recipe.loss.evidence * parts["evidence"]
        if not torch.isfinite(parts["loss"]):
            names = ", ".join(batch["id"])
            raise NotANumberError(f"The loss is not finite at step {self.global_step}; pictures: {names}.")
        self.log_dict({f"train/{name}": value.detach() for name, value in parts.items()}, sync_dist=True)
        self.log("loss", parts["loss"].detach(), prog_bar=True, logger=False)
        total: Tensor = parts["loss"]
        return total

    def _grid_for(self, size: int) -> int:
        return self.recipe.network.architecture(size).grid

    def _reset_validation(self) -> None:
        self._real = RealScores()
        self._pooled = PooledAUC()
        self._correct: list[float] = []
        self._pixel_aucs: dict[str, list[float]] = {}
        self._scores: list[float] = []
        self._forged: list[int] = []

    def on_validation_epoch_start(self) -> None:
        """Reset the scores, and set the grid for the validation size."""
        self._reset_validation()
        data = self.recipe.data
        self.network.grid = self._grid_for(data.validation_size or data.size)

    def validation_step(self, batch: Batch | RealPicture, _index: int, dataloader_idx: int = 0) -> None:
        """Score a batch of synthetic pictures, or one real picture."""
        if dataloader_idx == 1:
            self._score_real(cast(RealPicture, batch))
        else:
            self._score_synthetic(cast(Batch, batch))

    def _score_real(self, batch: RealPicture) -> None:
        if batch["fault"]:
            if batch["name"] not in self._left_out:
                log.warning("left out of the validation: %s", batch["fault"])
            self._left_out.add(batch["name"])
            return
        prediction = self(batch["picture"][None])
        masks = resample(torch.sigmoid(prediction.mask_logits[0].float()), batch["picture"].shape[-2:])
        mask = masks[0, 0].cpu().numpy()
        score = float(torch.softmax(prediction.detection_logits.float(), 1)[0, 1])
        if not (np.isfinite(mask).all() and math.isfinite(score)):
            log.warning("the prediction for %s is not finite; it counts as 0.5 everywhere", batch["name"])
            mask, score = np.full_like(mask, 0.5), 0.5
        self._real.update(batch["set"], mask, score, batch["mask"][0].cpu().numpy() > 0, batch["forged"])

    def _score_synthetic(self, batch: Batch) -> None:
        prediction = self(batch["picture"])
        size = batch["mask"].shape[-2:]
        masks = resample(torch.sigmoid(prediction.mask_logits[0].float()), size).cpu().numpy()
        truths = batch["mask"].cpu().numpy() > 0
        for mask, truth, name in zip(masks, truths, batch["id"], strict=True):
            self._pooled.update(mask, truth)
            self._correct.append(float(((mask > 0.5) == truth).mean()))
            if truth.any():
                self._pixel_aucs.setdefault(name.rsplit("-", 1)[0], []).append(auc(mask, truth))
        self._scores += torch.softmax(prediction.detection_logits.float(), 1)[:, 1].tolist()
        self._forged += batch["forged"].tolist()

    def on_validation_epoch_end(self) -> None:
        """Log pixel AUC (mean over forged pictures, by manipulation, pooled) and image AUC."""
        all_aucs = [value for values in self._pixel_aucs.values() for value in values]
        scores = {"pixel_auc": float(np.mean(all_aucs)) if all_aucs else math.nan, "pooled_auc": self._pooled.compute()}
        scores["image_auc"] = auc(self._scores, self._forged)
        scores |= {f"pixel_auc_{name}": float(np.mean(values)) for name, values in self._pixel_aucs.items()}
        scores["pixel_accuracy"] = float(np.mean(self._correct))
        scores["image_accuracy"] = float(np.mean((np.array(self._scores) > 0.5) == np.array(self._forged, np.bool_)))
        real_scores = self._real.compute()
        if self.recipe.data.validation_sets and not real_scores:
            raise InputError("data.validation_sets: none of the pictures could be read; see the lines above")
        scores |= real_scores
        real = "real_" if self.recipe.data.validation_sets else ""
        both = np.array([scores.get(f"{real}{kind}_{self.recipe.selection}", math.nan) for kind in ("pixel", "image")])
        # If all validation pictures are forged, there is no image AUC and only the masks count; if none is, every
        # validation has the same score.
        scores["score"] = 0.5 if np.isnan(both).all() else float(both[~np.isnan(both)].mean())
        values = {f"val/{name}": value for name, value in scores.items() if not math.isnan(value)}
        if self.validated_step is not None:
            values["step"] = self.validated_step  # Lightning logs this as the step
        self.log_dict(values)
        self.network.grid = self._grid_for(self.recipe.data.size)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Adam (AdamW with weight decay) and a schedule that changes every step."""
        fields = self.recipe.optimizer
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        groups: list[dict[str, Any]] = [{"params": trained}]
        attention = {id(parameter) for layer in similarity_layers(self.network) for parameter in layer.parameters()}
        if attention and fields.attention_lr != 1:
            rate = fields.lr * fields.attention_lr
            groups = [
                {"params": [parameter for parameter in trained if id(parameter) not in attention]},
                {"params": [parameter for parameter in trained if id(parameter) in attention], "lr": rate},
            ]
        optimizer: Optimizer = AdamW(groups, lr=fields.lr, weight_decay=fields.weight_decay)
        assert self.trainer is not None
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, TrainingData)
        schedule = LambdaLR(optimizer, lambda step: lr_factor(self.recipe, step, data.steps_per_epoch))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def lr_factor(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate at a step, relative to the recipe's."""
    fields = recipe.optimizer
    warm = min(1.0, (step + 1) / fields.warmup_steps) if fields.warmup_steps else 1.0
    if fields.schedule == "halving":
        return float(warm * 0.5 ** (step // steps_per_epoch // fields.halve_every))
    if fields.schedule == "constant":
        return warm
    progress = min(1.0, step / (recipe.epochs * steps_per_epoch))
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
