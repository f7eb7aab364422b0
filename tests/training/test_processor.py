import pytest
import torch

from psccnet.training.processor import chosen_precision, keep_freed_memory


@pytest.mark.parametrize(
    ("cuda", "avx512", "amx", "precision"),
    [
        (None, False, False, "32-true"),
        (None, True, False, "bf16-mixed"),
        (None, False, True, "bf16-mixed"),
        (False, True, True, "32-true"),
        (True, False, False, "bf16-mixed"),
    ],
)
def test_bf16_is_chosen_where_it_is_native(
    monkeypatch: pytest.MonkeyPatch, cuda: bool | None, avx512: bool, amx: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda is not None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: cuda)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert chosen_precision("auto") == precision
    assert chosen_precision("16-mixed") == "16-mixed"


def test_freed_memory_is_kept_without_harm() -> None:
    keep_freed_memory()
    assert torch.ones(1 << 20).sum() == 1 << 20
