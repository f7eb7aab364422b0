"""From words of the command line to a comparator."""

from pathlib import Path

from psccnet.errors import InputError
from psccnet.evaluation.comparators.base import Comparator
from psccnet.evaluation.comparators.command import Command, is_command
from psccnet.evaluation.comparators.evidence import EVIDENCE, TRACES, Together
from psccnet.evaluation.comparators.network import Network
from psccnet.evaluation.comparators.own import own_comparator
from psccnet.evaluation.comparators.trivial import TRIVIAL
from psccnet.evaluation.comparators.written import Written
from psccnet.extensions import find_extension
from psccnet.inference import load_detector

WEIGHT_FILES = (".pt", ".pth")
"""Endings of files that NAME=FILE takes for weights; NAME is then mantranet, the one network beside ours."""


def find_comparator(words: str, device: str = "auto", precision: str = "auto", backend: str = "auto") -> Comparator:
    """Make a comparator.

    Args:
        words: "centre", "noise", "ela" or "ghosts"; "copy-move" or "jpeg-grid" for one trace alone; evidence:WEIGHTS
            for the verdict of a network and all traces together; package.module:attribute or an entry point of the
            group `psccnet.comparators`, with NAME= before it where it is to be called otherwise; NAME=FOLDER for masks
            that another program wrote, or NAME=COMMAND with {image} and {mask} in it for one that is to be run;
            mantranet=FILE for ManTra-Net with its public weights; otherwise weights for the network: a bundled name, a
            `.safetensors` file, or a folder in the released layout.
        device: of the network.
        precision: of the network.
        backend: of the network.

    Raises:
        WeightsError: if the words are none of these.
        InputError: if there is no such module or attribute, or it is no comparator.
        MissingFileError: if there is no such folder of masks.
    """
    if words in TRIVIAL:
        return TRIVIAL[words]
    if words in TRACES:
        return TRACES[words]()
    if words.startswith(EVIDENCE):
        return Together(load_detector(words.removeprefix(EVIDENCE), backend, device, precision))
    name, equals, rest = words.partition("=")
    named = rest if equals else words
    own = find_extension(named, "psccnet.comparators")
    if own is not None:
        return own_comparator(own, named, name if equals else "")
    if equals and is_command(rest):
        return Command(name, rest)
    if equals and rest.endswith(WEIGHT_FILES):
        if name != "mantranet":
            raise InputError(f"{words}: weights of {name} cannot be run here; mantranet=FILE can, and NAME=COMMAND.")
        from psccnet.evaluation.comparators.mantranet import ManTraNetComparator

        return ManTraNetComparator(Path(rest))
    if equals:
        return Written(name, Path(rest))
    return Network(load_detector(words, backend, device, precision))
