"""Recipes of training runs: validated YAML files."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from psccnet.errors import InputError, MissingFileError
from psccnet.network.architecture import Architecture, Attention, Detection, Stem, Variant
from psccnet.pictures.whole_files import merged, read_yaml


class Section(BaseModel):
    """A part of a recipe; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class NetworkSection(Section):
    """The network (`psccnet.network.Architecture`) and its initial weights."""

    variant: Variant = "paper"
    attention: Attention = "both"
    shared_embedding: bool = True
    grid: int | None = Field(default=None, ge=32, multiple_of=32)
    """Side of scale 1's fixed grid (Section IV-A.3). By default that of F_1: the size of the pictures, or half of it
    with the unshuffled stem."""
    stem: Stem = "full"
    """"full" is the paper's top-down path; "unshuffled" begins with a pixel-unshuffle by 2 and computes a quarter."""
    detection: Detection | None = None
    """"head" is the paper's detection head; "contrast" computes the score from the contrast of mask 2. By default that
    of `init`, or the paper's."""
    initialisation: Literal["released", "residual"] = "residual"
    """Random start; see `psccnet.network.initialise`."""
    imagenet: Path | None = None
    """An ImageNet HRNet-W18-small-v2 state dict for the top-down path (Section IV-A.3)."""
    restart_attention: bool = False
    """Draw theta and phi again instead of taking those of `init`; see
    `psccnet.network.initialisation.initialise_attention`."""
    restart_colours: bool = False
    """Replace the least used first filters of `init` by high-pass filters of colours; see
    `psccnet.network.initialisation.restart_colours`."""
    batch_norm_momentum: float = Field(default=0.01, gt=0, le=1)
    """Share of the newest batch in the running statistics; 0.01 in the released code."""
    freeze_batch_norm: bool = False
    """Use the running statistics also in training: 20 % faster on a CPU, for a later phase."""
    recalibrate: int = Field(default=0, ge=0)
    """Number of batches from which the running statistics are measured again before the first step."""
    freeze: Literal["nothing", "stem", "top_down"] = "nothing"
    """Weights that are not trained: "stem" up to the first transition, which is two thirds of the work at full
    resolution, or the whole "top_down" path."""

    def architecture(self, size: int, detection: Detection = "head") -> Architecture:
        """The options of the network.

        Args:
            size: side of the pictures, in pixels.
            detection: the detection head if the recipe has none, which is that of `init`.

        Raises:
            InputError: if there is no grid for pictures of that size.
        """
        made = Architecture(
            self.variant, self.attention, self.shared_embedding, detection=self.detection or detection, stem=self.stem
        )
        grid = self.grid or size // made.cell
        if grid % 32:
            raise InputError(
                f"pictures of {size} give a grid of {grid}, which is not a multiple of 32: make their size (data.size,"
                f" data.validation_size) a multiple of {32 * made.cell}, or give network.grid"
            )
        return replace(made, grid=grid)

    @model_validator(mode="after")
    def _new_filters_need_statistics(self) -> "NetworkSection":
        if self.restart_colours and self.freeze_batch_norm and not self.recalibrate:
            raise ValueError("restart_colours with frozen batch norm needs recalibrate, in batches, such as 100")
        return self


class DataSection(Section):
    """Photographs, and the pictures synthesised from them or drawn from data sets (Section III-D)."""

    photographs: Path = Path("photographs")
    """A folder of pictures, a tar, or a folder of tars with an index.csv."""
    objects: Path | None = None
    """Objects to paste: a tar or folder with COCO polygons, label maps and cut-outs."""
    size: int = Field(default=256, ge=32, multiple_of=32)
    """Side of the synthetic pictures, in pixels."""
    batch_size: int = Field(default=10, ge=1)
    """Pictures per step and process."""
    pictures_per_epoch: int = Field(default=100_000, ge=1)
    """25,000 of each of the four classes in the paper."""
    validation_pictures: int = Field(default=400, ge=2)
    """4 x 100 in the paper, 4 x 200 in the released code."""
    validation_size: int | None = Field(default=None, ge=32, multiple_of=32)
    """Side of the validation pictures, in pixels; by default that of training."""
    augment: bool = True
    """Apply one of the eight flips and rotations at random."""
    workers: int = Field(default=1, ge=0)
    """Number of loader processes."""
    pairs: bool = False
    """Put each synthetic forgery and its pristine twin into the same batch; otherwise the four classes alternate."""
    synthesis: dict[str, Any] = Field(default_factory=dict)
    """Fields of `psccnet.synthesis.SynthesisRecipe` to change."""
    sets: list[str] = Field(default_factory=list)
    """Data sets for training: NAME=FOLDER or NAME/SPLIT=FOLDER, with names from `psccnet datasets list`."""
    synthetic: float = Field(default=0.0, ge=0, le=1)
    """With `sets`: share of the pictures that are synthesised on the fly; the others are drawn from the sets. At 0, a
    twentieth of the sets' pictures is kept for validation; otherwise validation pictures are synthetic."""
    fit: Literal["resize", "crop"] = "resize"
    """How pictures of sets get to `size`: resized as a whole, as in the released code, or cropped."""
    endings: bool = True
    """Give pictures of sets the final encodings of synthetic ones (`synthesis`): in some sets, the JPEG settings alone
    give away the class."""
    validation_sets: list[str] = Field(default_factory=list)
    """Real pictures for validation, by which the best weights are chosen: each is a listing (index.csv, which its
    column `set` divides into sets) or NAME=FOLDER as in `sets`."""
    validation_set_pictures: int = Field(default=20, ge=1)
    """Largest number of pictures of each validation set and manipulation, chosen by a hash of their names."""

    @model_validator(mode="after")
    def _twins_share_a_batch(self) -> "DataSection":
        if self.pairs and self.batch_size % 2:
            raise ValueError(f"pairs need an even batch_size, not {self.batch_size}")
        return self


class OptimizerSection(Section):
    """Adam and its learning-rate schedule."""

    lr: float = Field(default=2e-4, gt=0)
    attention_lr: float = Field(default=1.0, gt=0)
    """Factor on the learning rate of theta and phi. At the rate that other layers need, their unscaled products
    saturate the attention within a few steps."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay (AdamW)."""
    schedule: Literal["halving", "constant", "cosine"] = "halving"
    """"halving" every `halve_every` epochs as in the paper; "cosine" down to a hundredth over all epochs."""
    halve_every: int = Field(default=5, ge=1)
    warmup_steps: int = Field(default=0, ge=0)
    """Steps of linear warm-up."""
    clip: float | None = Field(default=None, gt=0)
    """Largest gradient norm."""


class LossSection(Section):
    """Eq. 5, or the released code's weights; and an additional loss."""

    weighting: Literal["paper", "released"] = "paper"
    masks: float = Field(default=1.0, gt=0)
    """Weight of the mask losses."""
    evidence: float = Field(default=0.0, ge=0)
    """Weight of an additional loss in training: a linear unit on the detection head's last map predicts mask 4."""


class AblationSection(Section):
    """For `psccnet ablate`: which variants of Table V to train from this recipe, each with every seed."""

    variants: list[Literal["PSCC-Net", "w/o CA+SA", "w/o SA", "w/o CA", "w/o FS"]] = [
        "PSCC-Net",
        "w/o CA+SA",
        "w/o SA",
        "w/o CA",
        "w/o FS",
    ]
    """CA: channel-wise attention, SA: spatial attention, FS: feature sharing (one embedding for both)."""
    seeds: list[int] = Field(default=[0, 1], min_length=1)


class Recipe(Section):
    """The recipe of a training run."""

    name: str = "default"
    epochs: int = Field(default=25, ge=1)
    seed: int = 0
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    """"auto" is bf16-mixed if the GPU or processor has instructions for bf16, otherwise 32-true."""
    init: Path | None = None
    """Start from these weights: a bundled name such as "default", a .safetensors file, or a checkpoint of a run."""
    init_part: Literal["all", "top_down"] = "all"
    """Which weights of `init` to take: all, or only those of the top-down path; the others start at random."""
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    """Decay of the exponential moving average of the weights, which is validated and bundled."""
    validate_every: int = Field(default=1, ge=1)
    """Epochs between validations."""
    selection: Literal["auc", "accuracy"] = "auc"
    """How the best weights are chosen: by the mean of pixel and image AUC on the validation pictures, or, as in the
    released code, by the mean of pixel and image accuracy at 0.5. With `data.validation_sets`, the AUCs are means over
    these sets, so that no single set decides."""
    checkpoint_minutes: float = Field(default=5.0, gt=0)
    network: NetworkSection = Field(default_factory=NetworkSection)
    data: DataSection = Field(default_factory=DataSection)
    optimizer: OptimizerSection = Field(default_factory=OptimizerSection)
    loss: LossSection = Field(default_factory=LossSection)
    phases: list[dict[str, Any]] = Field(default_factory=list)
    """Successive runs: each starts from the weights of the one before, and changes these fields of the recipe."""
    ablation: AblationSection | None = None
    """For `psccnet ablate` only."""

    @model_validator(mode="after")
    def _real_pictures_choose_by_auc(self) -> "Recipe":
        if self.data.validation_sets and self.selection != "auc":
            raise ValueError(
                f"with validation_sets, the best weights are chosen by AUC: selection must be auc, not {self.selection}"
            )
        return self

    @model_validator(mode="after")
    def _phases_are_recipes(self) -> "Recipe":
        for number in range(1, len(self.phases) + 1):
            self.phase(number)
        return self

    def steps_per_epoch(self, processes: int = 1) -> int:
        """Optimiser steps per epoch, with `processes` processes."""
        return max(1, self.data.pictures_per_epoch // (self.data.batch_size * processes))

    def phase(self, number: int) -> "Recipe":
        """The recipe of a phase, counted from 1, as a separate run.

        Raises:
            ValueError: if a field that the phase changes is wrong.
        """
        fields = self.model_dump(mode="json", exclude_unset=True, exclude={"phases"})
        if number > 1:  # starts from the phase before
            fields = without_start(fields)
        return Recipe.model_validate(merged(fields, self.phases[number - 1]))


def without_start(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a recipe without those for the initial weights."""
    rest = {name: value for name, value in fields.items() if name not in ("init", "init_part")}
    if "network" in rest:
        starts = ("imagenet", "restart_attention", "restart_colours")
        rest["network"] = {name: value for name, value in rest["network"].items() if name not in starts}
    return rest


def read_recipe(path: Path, changes: dict[str, Any] | None = None) -> Recipe:
    """Read a recipe file and apply `changes` (nested like the file) to it and to each of its phases.

    Raises:
        InputError: if a field is wrong; the message names the file and the fields.
        MissingFileError: if there is no such file.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no recipe {path}; give a YAML file such as recipes/default.yaml.")
    fields = read_yaml(path) or {}
    if not isinstance(fields, dict):
        raise InputError(f"{path} must hold fields and values, not a {type(fields).__name__}")
    try:
        fields = merged(fields, changes or {})
        if isinstance(fields.get("phases"), list) and "phases" not in (changes or {}):
            later = without_start(changes or {})
            fields["phases"] = [
                merged(phase, later) if isinstance(phase, dict) else phase for phase in fields["phases"]
            ]
        return Recipe.model_validate(fields)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{path} is not a recipe: {wrong}") from error
