"""From what the command line says to a comparator."""

from pathlib import Path

from psccnet.errors import InputError
from psccnet.evaluation.comparators.base import Comparator
from psccnet.evaluation.comparators.classical import CLASSICAL
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


def find_comparator(text: str, device: str = "auto", precision: str = "auto", backend: str = "auto") -> Comparator:
    """Make a comparator.

    Args:
        text: one of these:
            - "centre", "noise", "ela", "ghosts", "cfa" or "dq", classical methods;
            - "copy-move", "jpeg-grid" or "square-statistics", one trace alone;
            - evidence:WEIGHTS, the verdict of a network and all traces together;
            - package.module:attribute or an entry point of the group `psccnet.comparators`, with NAME= before it where
              it is to be called otherwise;
            - NAME=FOLDER for masks that another program wrote, or NAME=COMMAND with {image} and {mask} in it for a
              program that is to be run;
            - mantranet=FILE for ManTra-Net with its public weights;
            - otherwise weights for the network: a bundled name, a `.safetensors` file, or a folder in the released
              layout.
        device: of the network.
        precision: of the network.
        backend: of the network.

    Raises:
        WeightsError: if the text is none of these.
        InputError: if there is no such module or attribute, or it is no comparator.
        MissingFileError: if there is no such folder of masks.
    """
    if text in TRIVIAL:
        return TRIVIAL[text]
    if text in CLASSICAL:
        return CLASSICAL[text]()
    if text in TRACES:
        return TRACES[text]()
    if text.startswith(EVIDENCE):
        return Together(load_detector(text.removeprefix(EVIDENCE), backend, device, precision))
    name, equals, rest = text.partition("=")
    named = rest if equals else text
    own = find_extension(named, "psccnet.comparators")
    if own is not None:
        return own_comparator(own, named, name if equals else "")
    if equals and is_command(rest):
        return Command(name, rest)
    if equals and rest.endswith(WEIGHT_FILES):
        if name != "mantranet":
            raise InputError(f"{text}: weights of {name} cannot be run here; mantranet=FILE can, and NAME=COMMAND.")
        from psccnet.evaluation.comparators.mantranet import ManTraNetComparator

        return ManTraNetComparator(Path(rest))
    if equals:
        return Written(name, Path(rest))
    return Network(load_detector(text, backend, device, precision))
