"""Import the weights that the paper's authors released: three .pth files, one for each part of the network."""

import hashlib
import logging
import re
from pathlib import Path

from torch import Tensor

from psccnet.errors import WeightsError, listed
from psccnet.network.architecture import Architecture
from psccnet.network.psccnet import PSCCNet
from psccnet.pictures.whole_files import reading
from psccnet.weights.card import Card, sha256
from psccnet.weights.states import check_state, read_state

LAYOUT = {
    "HRNet": Path("checkpoint/HRNet_checkpoint/HRNet.pth"),
    "NLCDetection": Path("checkpoint/NLCDetection_checkpoint/NLCDetection.pth"),
    "DetectionHead": Path("checkpoint/DetectionHead_checkpoint/DetectionHead.pth"),
}
"""The file of each part of the network in the released repository."""

BLOB_IDS = {
    "HRNet": "84c29f7bb2bc511c2783c18d6da66adb8df8f217",
    "NLCDetection": "248f06583d15e37ff3c9f76eea9dd6f099e0bb54",
    "DetectionHead": "e08360041cbacfee7d9e9eb45e91c66f2d3e6303",
}
"""The git blob id of each part's file, at commit 53e5ff7."""

_SCCM_NAMES = {"alpha_s": "gamma_s", "alpha_c": "gamma_c", "omega_s": "W_s", "omega_c": "W_c"}

_log = logging.getLogger(__name__)


def import_released(folder: str | Path) -> PSCCNet:
    """Load the released weights.

    A file that fits but differs from the released one is loaded with a warning on the log.

    Args:
        folder: with the files as in `LAYOUT`, or with the three files directly in it.

    Returns:
        PSCCNet(variant="released") on the CPU, in evaluation mode.

    Raises:
        WeightsError: if a file is missing, is not a state dict, or has unknown, missing or misshapen keys.
    """
    paths = find_released(folder)
    network = PSCCNet(Architecture(variant="released"))
    own = network.state_dict()
    loaded: dict[str, Tensor] = {}
    for part, path in paths.items():
        # released key -> key of PSCCNet, for this part
        names = {name: key for key in own for owner, name in [released_name(key)] if owner == part}
        found = read_state(path)
        check_state(
            found,
            {name: own[key] for name, key in names.items()},
            path,
            f"give the released {LAYOUT[part].name}",
        )
        loaded |= {names[name]: value for name, value in found.items()}
    network.load_state_dict(loaded)
    for part, path in _not_released(paths).items():
        _log.warning(
            "%s is not the released %s (its git blob id differs): its origin is unknown",
            path,
            LAYOUT[part].name,
        )
    return network.eval()


def find_released(folder: str | Path) -> dict[str, Path]:
    """The three files of the released network in a folder, by part.

    Raises:
        WeightsError: if the folder or a file in it is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise WeightsError(f"{folder} is not a folder: give the folder that holds the released checkpoint/")
    paths, missing = {}, []
    for part, inside in LAYOUT.items():
        candidates = [folder / inside, folder / inside.name]
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            missing.append(str(inside))
        else:
            paths[part] = found
    if missing:
        raise WeightsError(
            f"{folder} lacks {listed(missing)} of the released weights: put the files there, with or without subfolders"
        )
    return paths


def released_name(key: str) -> tuple[str, str]:
    """The place of a key of PSCCNet's state dict in the released files: (part, key without `module.`).

    Examples:
        >>> released_name("top_down.conv1.weight")
        ('HRNet', 'conv1.weight')
    """
    part, _, rest = key.partition(".")
    if part == "top_down":
        return "HRNet", rest
    if part == "detection_head":
        return "DetectionHead", rest
    scale, block, name = re.fullmatch(r"scale(\d)\.(sccm|mask_block)\.(.+)", rest).groups()  # type: ignore[union-attr]
    if block == "mask_block":
        return "NLCDetection", f"getmask{scale}.getmask.{name}"
    head, dot, tail = name.partition(".")
    return "NLCDetection", f"getmask{scale}.{_SCCM_NAMES.get(head, head)}{dot}{tail}"


def blob_id(path: str | Path) -> str:
    """The git blob id of a file: SHA-1 of `blob <size>`, a zero byte and the content; hexadecimal."""
    with reading(Path(path)):
        content = Path(path).read_bytes()
    # Git defines this id with SHA-1; it is not used for security.
    digest = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


def identify(folder: str | Path) -> dict[str, Path]:
    """Which files of a folder are not the released ones, by part; empty if all three are.

    Raises:
        WeightsError: as `find_released`.
    """
    return _not_released(find_released(folder))


def _not_released(paths: dict[str, Path]) -> dict[str, Path]:
    return {part: path for part, path in paths.items() if blob_id(path) != BLOB_IDS[part]}


def released_card(folder: str | Path, name: str = "released") -> Card:
    """The card of weights imported from a folder in the released layout, without scores.

    Raises:
        WeightsError: as `find_released`.
    """
    other = identify(folder)
    # A digest of the three files' digests: results of different weights must not share an identity.
    paths = find_released(folder)
    digest = hashlib.sha256("".join(sha256(paths[part]) for part in LAYOUT).encode()).hexdigest()
    if other:
        files = ", ".join(LAYOUT[part].name for part in other)
        return Card(
            name=name,
            architecture=Architecture(variant="released"),
            sha256=digest,
            notes=f"Not the released file, by its git blob id: {files}. Its origin is unknown.",
        )
    return Card(
        name=name,
        architecture=Architecture(variant="released"),
        sha256=digest,
        trained_on="the authors' synthetic data set of PSCC-Net: splicing, copy-move, removal and pristine",
        licence="MIT",
        notes="The weights released by the authors of PSCC-Net, verified by their git blob ids.",
    )
