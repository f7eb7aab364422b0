"""Weight files with cards, the released weights, the ImageNet start and the bundled default.

Torch is imported on first use of a name that needs it, so that inference without torch can read cards.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from psccnet.errors import WeightsError
from psccnet.network.architecture import Architecture
from psccnet.weights.card import Card, bundled, read_card, render, verify
from psccnet.weights.reading import resolve

if TYPE_CHECKING:
    from psccnet.weights.imagenet import ImageNetReport, initialise_from_imagenet
    from psccnet.weights.released import blob_id, identify, import_released, released_card
    from psccnet.weights.store import load_network, save

__all__ = [
    "Architecture",
    "Card",
    "ImageNetReport",
    "WeightsError",
    "blob_id",
    "bundled",
    "identify",
    "import_released",
    "initialise_from_imagenet",
    "load_network",
    "read_card",
    "released_card",
    "render",
    "resolve",
    "save",
    "verify",
]

_NEEDS_TORCH = {
    "ImageNetReport": "imagenet",
    "initialise_from_imagenet": "imagenet",
    "blob_id": "released",
    "identify": "released",
    "import_released": "released",
    "released_card": "released",
    "load_network": "store",
    "save": "store",
}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NEEDS_TORCH[name]}"), name)
