"""Protocols: what is done to pictures, which of them are taken, and how one is scored (Sections IV-A.2 to IV-G)."""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from psccnet.datasets.entry import Entry
from psccnet.evaluation.comparators import Comparator, Question
from psccnet.evaluation.distortions import DISTORTIONS, OF_THE_PAPER
from psccnet.evaluation.rows import Row, pixel_scores, sparse
from psccnet.pictures.decoding import MAX_PIXELS
from psccnet.pictures.identify import encoding_of
from psccnet.pictures.resampling import resample
from psccnet.pictures.sample import Picture
from psccnet.pictures.whole_files import reading
from psccnet.weights.card import sha256


@dataclass(frozen=True)
class Condition:
    """What is done to a picture before it is looked at, and how far it is.

    Attributes:
        name: as in rows; "" for nothing.
        title: as in tables.
        distortion: a name of `DISTORTIONS`, or "" for none.
        exit_scale: the finest mask to compute, 1..4.
        size: side that pictures are resized to (bicubic), or None for their native size.

    Examples:
        >>> smaller = Condition("resized-256", "256 x 256", size=256)
        >>> smaller.prepare(np.zeros((40, 60, 3), np.uint8), "photo.jpg").shape
        (256, 256, 3)
    """

    name: str
    title: str
    distortion: str = ""
    exit_scale: int = 1
    size: int | None = None

    def prepare(self, image: Picture, name: str) -> Picture:
        """The picture as a comparator gets it."""
        if self.distortion:
            image = DISTORTIONS[self.distortion](image, name)
        if self.size is not None:
            image = np.asarray(cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_CUBIC), np.uint8)
        return image


NATIVE = Condition("", "w/o distortion")
_DISTORTED = tuple(Condition(way.name, way.title, way.name) for way in OF_THE_PAPER)


@dataclass(frozen=True)
class Protocol:
    """A way of measuring.

    Attributes:
        name: as on the command line.
        text: what it is, with the table it belongs to.
        conditions: each picture is looked at under all of them.
        split: of the sets that have one, "test" for fine-tuned models (Table I); None takes all pictures.
        pictures: "forged" leaves pristine pictures out.
        scores: what is printed, names of `psccnet.evaluation.summary.SCORES`; empty where all of them may be.
        notes: in what it differs from the paper's protocol and from the one that it is named after.

    Examples:
        >>> [condition.title for condition in PROTOCOLS["exit-scales"].conditions]
        ['Mask 4', 'Mask 3', 'Mask 2', 'w/o distortion']
    """

    name: str
    text: str
    conditions: tuple[Condition, ...] = (NATIVE,)
    split: Literal["test"] | None = None
    pictures: Literal["all", "forged"] = "all"
    scores: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def chosen(self, entries: Iterable[Entry]) -> list[Entry]:
        """The pictures that are taken."""
        return [entry for entry in entries if entry.forged or self.pictures == "all"]

    def conditions_for(self, comparator: Comparator) -> tuple[Condition, ...]:
        """The conditions that mean anything to a comparator: exit scales are the network's own."""
        return tuple(condition for condition in self.conditions if condition.exit_scale == 1 or comparator.exit_scales)


_IMDLBENCO_SCORES = ("f1_half", "image_f1_half", "image_accuracy_half", "image_auc")
_IMDLBENCO_NOTES = (
    "F1 of a mask is taken above 0.5, one value a forged picture, then the mean; pictures are called forged at a score"
    " above 0.5. The paper (Section IV-A.2) takes AUC, and F1 at the equal-error-rate threshold, instead.",
    "IMDL-BenCo scores at each network's own size (pictures are squeezed or padded, and the truth with them) and takes"
    " the mean over all pictures of a set: a pristine one counts as 0. Here masks are scored at the picture's native"
    " size and pristine pictures count for the image-level scores only.",
)
_OTHERS = (
    Protocol(
        "imdlbenco",
        "IMDL-BenCo's: F1 at 0.5, mean over forged pictures; F1, accuracy and AUC over pictures; native size",
        scores=_IMDLBENCO_SCORES,
        notes=(
            *_IMDLBENCO_NOTES,
            "IMDL-BenCo's tables are of networks that it trained on CASIA v2 alone (protocol MVSS), which this protocol"
            " can not see: compare with them only what was trained so.",
        ),
    ),
    Protocol(
        "cat-net",
        "IMDL-BenCo's scores, to be put beside networks trained on CAT-Net's sets (Protocol-CAT); native size",
        scores=_IMDLBENCO_SCORES,
        notes=(
            *_IMDLBENCO_NOTES,
            "Protocol-CAT is a choice of training sets (CASIA v2, FantasticReality, IMD2020, tampered COCO), not a way"
            " of measuring: this protocol can not see what was trained on, so compare with its tables only networks"
            " that were trained on these sets. IMD2020 is then no test set.",
        ),
    ),
    Protocol(
        "trufor",
        "TruFor's: F1 without borders, of the mask or its opposite; image AUC and balanced accuracy; native size",
        scores=("f1_best_borders_permuted", "f1_half_borders_permuted", "image_auc", "balanced_accuracy_half"),
        notes=(
            "F1 leaves out the pixels near the border of a forged region (15 x 15 inside, 11 x 11 outside), and takes"
            " the mask or its opposite, whichever scores higher: a mask without any knowledge scores well above 0."
            " Balanced accuracy calls a picture forged at a score above 0.5. The paper does none of these.",
            "A region that nowhere is 15 pixels wide has no inside left. Here such a picture is left out of the mean;"
            " TruFor's code counts its F1 as 0 in most cases.",
        ),
    ),
)
_ALL = (
    Protocol("native", "all pictures at their native size; with pristine ones, Table IV"),
    Protocol(
        "resized",
        "all pictures squeezed to 256 x 256, as networks are trained; masks are scored at the native size",
        (Condition("resized-256", "256 x 256", size=256),),
    ),
    Protocol("pretrained", "Table II: all forged pictures of a set, native size", pictures="forged"),
    Protocol("finetuned", "Table III: the test split's forged pictures, native size", split="test", pictures="forged"),
    Protocol(
        "exit-scales",
        "Table V: masks 4, 3, 2 and 1 of forged pictures, native size",
        (*(Condition(f"mask-{scale}", f"Mask {scale}", exit_scale=scale) for scale in (4, 3, 2)), NATIVE),
        pictures="forged",
    ),
    Protocol("robustness", "Tables VI and VII: all pictures, distorted and not", (*_DISTORTED, NATIVE)),
    *_OTHERS,
)
PROTOCOLS = {protocol.name: protocol for protocol in _ALL}


def fingerprint(entry: Entry) -> tuple[str, str]:
    """The sha256 of a picture's file and that of its masks, one after the other; "" for what is not there."""
    digest = hashlib.sha256()
    masks = [mask for mask in (entry.mask, *entry.more_masks) if mask is not None and mask.is_file()]
    for mask in masks:
        with reading(mask):
            digest.update(mask.read_bytes())
    return sha256(entry.image) if entry.image.is_file() else "", digest.hexdigest() if masks else ""


def score_picture(entry: Entry, comparator: Comparator, conditions: Iterable[Condition]) -> list[Row]:
    """Look at one picture under each condition.

    The mask is resampled to the picture's own size, corners on corners, and scored against the truth as it is.

    Raises:
        PictureError: if the picture or its mask cannot be used, or a comparator has no answer.
        MissingFileError: if there is no such file.
    """
    sample = entry.read(MAX_PIXELS)
    truth = sample.mask if entry.forged else None
    picture, masks = fingerprint(entry)
    encoding = encoding_of(entry.image)
    rows = []
    conditions = tuple(conditions)
    if len({condition.exit_scale for condition in conditions}) > 1:
        # The first call with a new size takes longer; times at several scales are compared.
        comparator.localize(Question(conditions[0].prepare(sample.image, entry.id), entry.id, entry.set))
    for condition in conditions:
        image = condition.prepare(sample.image, entry.id)
        untouched = not condition.distortion and condition.size is None
        question = Question(
            image,
            entry.id,
            entry.set,
            condition.name,
            condition.exit_scale,
            sample.orientation,
            entry.image if untouched else None,
        )
        started = time.perf_counter()
        answer = comparator.localize(question)
        seconds = time.perf_counter() - started
        mask = resample(answer.mask, *sample.image.shape[:2])
        rows.append(
            Row(
                id=entry.id,
                set=entry.set,
                manipulation=entry.manipulation,
                comparator=comparator.name,
                condition=condition.name,
                sha256=picture,
                truth_sha256=masks,
                encoding=encoding,
                width=image.shape[1],
                height=image.shape[0],
                score=answer.score,
                mask_mean=float(mask.mean()),
                mask_max=float(mask.max()),
                seconds=seconds,
                forged_fraction=float(truth.mean()) if truth is not None else 0.0,
                pixels=pixel_scores(mask, truth),
                histogram=sparse(mask, truth),
            )
        )
    return rows
