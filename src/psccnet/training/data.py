"""Batches of pictures for training and validation."""

import hashlib
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypedDict

import cv2
import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from psccnet.datasets.balanced import BalancedPictures
from psccnet.datasets.catalogue import find
from psccnet.datasets.entry import Entry
from psccnet.errors import InputError
from psccnet.pictures.sample import MANIPULATIONS, Sample
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.synthesis_recipe import explain
from psccnet.training.recipe import Recipe

VALIDATION_SEED = 1_000_003


class Batch(TypedDict):
    """picture (B, 3, S, S) uint8; mask (B, 1, S, S) uint8, 0 or 1; forged (B,) int64; id, B names."""

    picture: Tensor
    mask: Tensor
    forged: Tensor
    id: list[str]


class Source(Protocol):
    """Samples by index: the same index gives the same sample in any process, and the classes take turns."""

    @property
    def seed(self) -> int:
        """Of all that is drawn."""

    def sample(self, index: int, /) -> Sample:
        """Sample `index`, a square with its mask."""


class Mixed:
    """Samples of two sources, drawn by the index.

    Args:
        first: one source.
        second: the other.
        share: of the first, 0..1.
        together: so many samples on end are drawn from the same source.
    """

    def __init__(self, first: Source, second: Source, share: float, together: int = 1) -> None:
        self.first = first
        self.second = second
        self.share = share
        self.together = together
        self.seed = first.seed

    def sample(self, index: int, /) -> Sample:
        """Sample `index` of one of them."""
        draw = np.random.default_rng([self.seed, index // self.together, 9]).random()
        return (self.first if draw < self.share else self.second).sample(index)


class Pairs:
    """Each forged sample followed by its pristine twin: same host, crop, compression history and ending.

    What a batch tells apart is then the manipulation and not what the pictures show.

    Args:
        synthesizer: of the samples.
    """

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self.seed = synthesizer.seed

    def sample(self, index: int, /) -> Sample:
        """Sample `index`: splicing, copy-move and removal in turn at even indices, pristine at odd ones."""
        host, twin = divmod(index, 2)
        forged = [name for name in MANIPULATIONS if name != "pristine"]
        return self.synthesizer.sample(host, "pristine" if twin else forged[host % len(forged)])


class Pictures(Dataset[dict[str, object]]):
    """Samples by index as tensors.

    Args:
        source: of the samples.
        length: how many indices there are.
        augment: flip and rotate each sample by one of the eight symmetries of the square.
        together: how many samples in a row are turned alike: 2 for pairs.
    """

    def __init__(self, source: Source, length: int, augment: bool, together: int = 1) -> None:
        self.source = source
        self.length = length
        self.augment = augment
        self.together = together

    def __len__(self) -> int:
        """The number of indices."""
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
    """Batches of fresh indices, placed by the optimiser's step, so that a resumed run goes on where it was.

    Args:
        module: the data module, whose trainer knows the step, the rank and the number of processes.
    """

    def __init__(self, module: "TrainingData") -> None:
        self.module = module

    def __len__(self) -> int:
        """Batches an epoch and process."""
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


def single_threaded(_worker: int) -> None:
    """Keep OpenCV in a loader process to one thread: there are as many processes as cores to use."""
    cv2.setNumThreads(1)


def _photographs(path: Path, split: str) -> Photographs:
    """The photographs of a split; where no index tells, every twentieth by the order of the names is validated on."""
    if (path / "index.csv").is_file():
        return Photographs.open(path, split=split)
    pool = Photographs.open(path)
    kept = set(pool.names[:: max(2, min(20, len(pool) // 2))])
    return pool.part([name for name in pool.names if (name in kept) == (split == "validation")])


def kept_for_validation(entries: list[Entry]) -> set[str]:
    """The ids of a twentieth of each class, one at least, chosen by their names alone, wherever the sets lie."""
    kept = set()
    for kind in {entry.manipulation for entry in entries}:
        ids = [entry.id for entry in entries if entry.manipulation == kind]
        ids.sort(key=lambda one: hashlib.sha256(one.encode()).digest())
        kept.update(ids[: max(1, len(ids) // 20)])
    return kept


class TrainingData(LightningDataModule):
    """Pictures made on the fly or drawn from data sets, and a fixed validation set, after a recipe (Section III-D)."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps an epoch."""
        processes = self.trainer.world_size if self.trainer else 1
        return self.recipe.steps_per_epoch(processes)

    def _synthesizer(self, split: str, size: int, seed: int) -> Synthesizer:
        data = self.recipe.data
        photographs = _photographs(data.photographs, split)
        objects = Objects.open(data.objects, photographs) if data.objects else None
        try:
            synthesis = SynthesisRecipe().changed({**data.synthesis, "size": size})
        except ValueError as error:
            raise InputError(f"data.synthesis: {explain(error)}") from error
        return Synthesizer(photographs, objects, synthesis, seed)

    def _training_source(self) -> Source:
        data = self.recipe.data
        synthesizer = self._synthesizer("train", data.size, self.recipe.seed)
        return Pairs(synthesizer) if data.pairs else synthesizer

    @cached_property
    def _entries(self) -> list[Entry]:
        """The pictures of the recipe's sets, looked for once; how many of each are left out is said."""
        entries: list[Entry] = []
        for words in self.recipe.data.sets:
            name, equals, folder = words.partition("=")
            name, _, split = name.partition("/")
            if not equals:
                raise InputError(f"data.sets: {words!r} is not NAME=FOLDER, such as casia2=downloads/CASIA2.")
            found = find(name, Path(folder), split or None)
            if found.faults:
                text = f"{len(found.faults)} files left out; psccnet datasets check {name} {folder} names them"
                print(f"psccnet: {words}: {text}", file=sys.stderr)
            entries += found.entries
        return entries

    def _training_pictures(self) -> Pictures:
        data, seed = self.recipe.data, self.recipe.seed
        length = self.recipe.epochs * data.pictures_per_epoch
        together = 2 if data.pairs else 1
        if not data.sets:
            return Pictures(self._training_source(), length, data.augment, together)
        kept = set() if data.synthetic else kept_for_validation(self._entries)
        drawn = BalancedPictures([one for one in self._entries if one.id not in kept], data.size, seed, data.fit)
        if not data.synthetic:
            return Pictures(drawn, length, data.augment)
        mixed = Mixed(self._training_source(), drawn, data.synthetic, together)
        return Pictures(mixed, length, data.augment, together)

    def train_dataloader(self) -> DataLoader[dict[str, object]]:
        """An endless stream of new pictures, cut into epochs."""
        data = self.recipe.data
        return DataLoader(
            self._training_pictures(),
            batch_sampler=StepSampler(self),
            num_workers=data.workers,
            worker_init_fn=single_threaded,
            prefetch_factor=4 if data.workers else None,
            pin_memory=torch.cuda.is_available(),
        )

    def calibration_loader(self) -> DataLoader[dict[str, object]]:
        """The training pictures from the first on, outside a trainer."""
        data = self.recipe.data
        return DataLoader(
            self._training_pictures(),
            batch_size=data.batch_size,
            num_workers=data.workers,
            worker_init_fn=single_threaded,
        )

    def val_dataloader(self) -> DataLoader[dict[str, object]]:
        """The same pictures each time, from photographs that are not trained on."""
        data = self.recipe.data
        size = data.validation_size or data.size
        # A seed of its own, the same for every recipe, so that runs can be compared.
        source: Source
        if data.sets and not data.synthetic:
            kept = kept_for_validation(self._entries)
            source = BalancedPictures([one for one in self._entries if one.id in kept], size, VALIDATION_SEED, data.fit)
        else:
            source = self._synthesizer("validation", size, VALIDATION_SEED)
        pictures = Pictures(source, data.validation_pictures, augment=False)
        return DataLoader(pictures, batch_size=8, num_workers=data.workers, worker_init_fn=single_threaded)
