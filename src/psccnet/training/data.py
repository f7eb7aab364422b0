"""Batches of pictures for training and validation."""

import signal
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import cv2
import numpy as np
import torch
from pydantic import ValidationError
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from psccnet.datasets.balanced import BalancedPictures
from psccnet.datasets.choosing import by_manipulation, first_by_hash
from psccnet.datasets.entry import Entry
from psccnet.errors import InputError
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.synthesis_recipe import explain
from psccnet.training.published import check_apart, find_set, find_validation_sets
from psccnet.training.real_validation import RealPicture, RealPictures
from psccnet.training.recipe import Recipe
from psccnet.training.sources import Ended, Mixed, Pairs, Source

VALIDATION_SEED = 1_000_003


class Batch(TypedDict):
    """A batch: picture (B, 3, S, S) uint8; mask (B, 1, S, S) uint8, 0 or 1; forged (B,) int64; id, B names."""

    picture: Tensor
    mask: Tensor
    forged: Tensor
    id: list[str]


class Pictures(Dataset[dict[str, object]]):
    """Samples by index as tensors.

    Args:
        source: of the samples.
        length: number of samples.
        augment: flip and rotate each sample by one of the eight symmetries of the square.
        together: so many successive samples get the same symmetry; 2 for pairs.
    """

    def __init__(self, source: Source, length: int, augment: bool, together: int = 1) -> None:
        self.source = source
        self.length = length
        self.augment = augment
        self.together = together

    def __len__(self) -> int:
        """The number of samples."""
        return self.length

    def __getitem__(self, index: int) -> dict[str, object]:
        """One sample as tensors; see `Batch`, without its first dimension."""
        sample = self.source.sample(index)
        picture, mask = sample.image, sample.mask
        assert mask is not None
        if self.augment:
            turns, flip = divmod(
                int(np.random.default_rng([self.source.seed, index // self.together, 8]).integers(8)), 2
            )
            picture, mask = np.rot90(picture, turns), np.rot90(mask, turns)
            if flip:
                picture, mask = picture[:, ::-1], mask[:, ::-1]
        return {
            "picture": torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))),
            "mask": torch.from_numpy(np.ascontiguousarray(mask[None]).astype(np.uint8)),
            "forged": int(sample.forged),
            "id": sample.id,
        }


class StepSampler(Sampler[list[int]]):
    """Batches of new indices, computed from the optimiser's step, so that a resumed run continues at the same place.

    Args:
        module: the data module, whose trainer knows the step, the rank and the number of processes.
    """

    def __init__(self, module: "TrainingData") -> None:
        self.module = module

    def __len__(self) -> int:
        """Batches per epoch and process."""
        return self.module.steps_per_epoch

    def __iter__(self) -> Iterator[list[int]]:
        """The batches from the trainer's step to the end of its epoch."""
        trainer = self.module.trainer
        assert trainer is not None
        size = self.module.recipe.data.batch_size
        first = trainer.global_step
        for step in range(first, (first // len(self) + 1) * len(self)):
            start = (step * trainer.world_size + trainer.global_rank) * size
            yield list(range(start, start + size))


class StepLoader(DataLoader[dict[str, object]]):
    """A loader with a `StepSampler`. Lightning only resumes loaders that have a state; this one needs none."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the checkpoint has the step."""
        return {}

    def load_state_dict(self, _state: dict[str, Any]) -> None:
        """Nothing: the sampler reads the trainer's step."""


def set_up_worker(_worker: int) -> None:
    """Set up a loader process: one thread for OpenCV, since each core has a process; and ignore Ctrl-C.

    A terminal sends Ctrl-C to all processes, but the parent still needs the batches of its last step.
    """
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _photographs(path: Path, split: str) -> Photographs:
    """The photographs of a split; without an index, every twentieth by name is for validation."""
    if (path / "index.csv").is_file():
        return Photographs.open(path, split=split)
    pool = Photographs.open(path)
    validation = set(pool.names[:: max(2, min(20, len(pool) // 2))])
    return pool.part([name for name in pool.names if (name in validation) == (split == "validation")])


def kept_for_validation(entries: list[Entry]) -> set[str]:
    """The ids of a twentieth of each class, at least one, chosen by their names."""
    kinds = by_manipulation(entries)
    return {entry.id for kind in kinds for entry in first_by_hash(kind, max(1, len(kind) // 20))}


class TrainingData(LightningDataModule):
    """The data of a recipe: pictures synthesised on the fly or drawn from sets, and a fixed validation set."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch."""
        processes = self.trainer.world_size if self.trainer else 1
        return self.recipe.steps_per_epoch(processes)

    def _synthesizer(self, split: str, size: int, seed: int) -> Synthesizer:
        data = self.recipe.data
        photographs = _photographs(data.photographs, split)
        objects = Objects.open(data.objects, photographs) if data.objects else None
        return Synthesizer(photographs, objects, self._synthesis(size), seed)

    def _synthesis(self, size: int) -> SynthesisRecipe:
        data = self.recipe.data
        try:
            return SynthesisRecipe().changed({**data.synthesis, "size": size})
        except ValidationError as error:
            raise InputError(f"data.synthesis: {explain(error)}") from error

    def _drawn(self, entries: list[Entry], size: int, seed: int) -> Source:
        """Pictures of data sets, with the last step of synthetic ones (`Ended`) unless the recipe switches it off."""
        drawn = BalancedPictures(entries, size, seed, self.recipe.data.fit)
        return Ended(drawn, self._synthesis(size)) if self.recipe.data.endings else drawn

    def _training_source(self) -> Source:
        data = self.recipe.data
        synthesizer = self._synthesizer("train", data.size, self.recipe.seed)
        return Pairs(synthesizer) if data.pairs else synthesizer

    @cached_property
    def _entries(self) -> list[Entry]:
        """The pictures of the recipe's sets; a warning says how many files of each set are left out."""
        return [entry for data_set in self.recipe.data.sets for entry in find_set(data_set, "data.sets")[1]]

    @cached_property
    def _validation_sets(self) -> dict[str, list[Entry]]:
        data = self.recipe.data
        return find_validation_sets(data.validation_sets, data.validation_set_pictures)

    def check_apart(self) -> None:
        """Refuse to train on pictures of the validation sets.

        Raises:
            InputError: if a file is in both, or a set is unknown; the message names it.
            MissingFileError: if there is no such file or folder.
        """
        data = self.recipe.data
        if not data.validation_sets:
            return
        validated = [entry for entries in self._validation_sets.values() for entry in entries]
        synthesised = data.synthetic > 0 or not data.sets
        photographs = _photographs(data.photographs, "train") if synthesised else None
        folders = [data.photographs, *([data.objects] if data.objects and synthesised else [])]
        check_apart(validated, self._entries, photographs, folders)

    def _training_pictures(self) -> Pictures:
        data, seed = self.recipe.data, self.recipe.seed
        length = self.recipe.epochs * data.pictures_per_epoch
        together = 2 if data.pairs else 1
        if not data.sets:
            return Pictures(self._training_source(), length, data.augment, together)
        kept = set() if data.synthetic else kept_for_validation(self._entries)
        drawn = self._drawn([entry for entry in self._entries if entry.id not in kept], data.size, seed)
        if not data.synthetic:
            return Pictures(drawn, length, data.augment)
        mixed = Mixed(self._training_source(), drawn, data.synthetic, together)
        return Pictures(mixed, length, data.augment, together)

    def train_dataloader(self) -> StepLoader:
        """An endless stream of new pictures, divided into epochs."""
        data = self.recipe.data
        return StepLoader(
            self._training_pictures(),
            batch_sampler=StepSampler(self),
            num_workers=data.workers,
            worker_init_fn=set_up_worker,
            prefetch_factor=4 if data.workers else None,
            pin_memory=torch.cuda.is_available(),
        )

    def calibration_loader(self) -> DataLoader[dict[str, object]]:
        """The training pictures from the first one, for use without a trainer."""
        data = self.recipe.data
        return DataLoader(
            self._training_pictures(),
            batch_size=data.batch_size,
            num_workers=data.workers,
            worker_init_fn=set_up_worker,
        )

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """The same pictures each time: synthetic ones, and real ones if the recipe has validation sets."""
        loaders: list[DataLoader[Any]] = [self.synthetic_validation()]
        return [*loaders, self.real_validation()] if self.recipe.data.validation_sets else loaders

    def real_validation(self) -> DataLoader[RealPicture]:
        """The pictures of the validation sets, one at a time, at their own sizes."""
        pictures = RealPictures(self._validation_sets)
        workers = self.recipe.data.workers
        return DataLoader(pictures, batch_size=None, num_workers=workers, worker_init_fn=set_up_worker)

    def synthetic_validation(self) -> DataLoader[dict[str, object]]:
        """Pictures from photographs that are not used for training; without synthesis, those kept from the sets."""
        data = self.recipe.data
        size = data.validation_size or data.size
        # A separate seed, the same for every recipe, so that runs can be compared.
        source: Source
        if data.sets and not data.synthetic:
            kept = kept_for_validation(self._entries)
            source = self._drawn([entry for entry in self._entries if entry.id in kept], size, VALIDATION_SEED)
        else:
            source = self._synthesizer("validation", size, VALIDATION_SEED)
        pictures = Pictures(source, data.validation_pictures, augment=False)
        return DataLoader(pictures, batch_size=8, num_workers=data.workers, worker_init_fn=set_up_worker)
