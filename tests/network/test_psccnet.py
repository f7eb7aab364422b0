import itertools
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from psccnet.network import Architecture, Prediction, PSCCLoss, PSCCNet

from .conftest import square

ABLATIONS = list(itertools.product(("both", "spatial", "channel", "none"), (True, False), ("paper", "released")))


@pytest.fixture(scope="module")
def small() -> PSCCNet:
    torch.manual_seed(0)
    return PSCCNet(Architecture(grid=32)).eval()


@pytest.mark.parametrize(("attention", "shared_embedding", "variant"), ABLATIONS)
class TestEveryAblation:
    """Table V is arguments: each of them builds, predicts and learns."""

    def test_predicts_and_learns(self, attention: str, shared_embedding: bool, variant: str) -> None:
        network = PSCCNet(Architecture(variant, attention, shared_embedding, grid=64))
        prediction = network(torch.rand(2, 3, 64, 96))
        assert isinstance(prediction, Prediction)
        assert [tuple(mask.shape) for mask in prediction.mask_logits] == [
            (2, 1, side, side) for side in (64, 32, 16, 8)
        ]
        assert prediction.detection_logits.shape == (2, 2)
        PSCCLoss()(prediction, square(2, 64, 64), torch.tensor([1, 0]))["loss"].backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name

    def test_has_the_branches_that_it_names(self, attention: str, shared_embedding: bool, variant: str) -> None:
        names = {
            key.removeprefix("bottom_up.scale1.sccm.").split(".")[0]
            for key in PSCCNet(Architecture(variant, attention, shared_embedding, grid=32)).state_dict()
            if key.startswith("bottom_up.scale1.sccm.")
        }
        expected = {"g", "theta", "phi"} if attention != "none" else set()
        expected |= {"alpha_s", "omega_s"} if attention in ("both", "spatial") else set()
        expected |= {"alpha_c", "omega_c"} if attention in ("both", "channel") else set()
        if attention == "both" and not shared_embedding:
            expected |= {"theta_channel", "phi_channel"}
        assert names == expected


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_parameter_counts_are_those_of_the_paper(variant: str) -> None:
    counts = PSCCNet(Architecture(variant)).parameter_counts()
    assert counts == {"top_down": 2_028_572, "detection_head": 919_546, "localization": 719_824}


@pytest.mark.parametrize("exit_scale", [1, 2, 3, 4])
def test_an_early_exit_gives_the_same_masks_and_fewer(small: PSCCNet, exit_scale: int) -> None:
    picture = torch.rand(1, 3, 40, 48)
    with torch.inference_mode():
        full, early = small(picture), small(picture, exit_scale=exit_scale)
    assert len(early.mask_logits) == 5 - exit_scale
    for mask, expected in zip(early.mask_logits, full.mask_logits[exit_scale - 1 :], strict=True):
        assert torch.equal(mask, expected)
    assert torch.equal(early.detection_logits, full.detection_logits)


@pytest.mark.parametrize("exit_scale", [0, 5, -1])
def test_unknown_exit_scales_are_refused(small: PSCCNet, exit_scale: int) -> None:
    with pytest.raises(ValueError, match=f"exit_scale .* not {exit_scale}"):
        small(torch.rand(1, 3, 32, 32), exit_scale=exit_scale)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "papr"}, "variant must be .* not 'papr'"),
        ({"detection": "mask"}, "detection must be 'head' or 'contrast', not 'mask'"),
        ({"attention": "all"}, "attention must be 'both' or .* not 'all'"),
        ({"stem": "half"}, "stem must be 'full' or 'unshuffled', not 'half'"),
        ({"grid": 0}, "grid must be a positive multiple of 32, not 0"),
        ({"grid": 48}, "not 48"),
        ({"grid": -32}, "not -32"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PSCCNet(Architecture(**arguments))


@settings(max_examples=10, deadline=None)
@given(height=st.integers(33, 70), width=st.integers(33, 70))
def test_any_picture_size_is_taken(small: PSCCNet, height: int, width: int) -> None:
    with torch.inference_mode():
        picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
        raw = small.top_down(picture)
        prediction = small(picture)
    # Each stride-2 convolution rounds up.
    assert [tuple(x.shape) for x in raw] == [
        (1, 18 << scale, -(-height // (1 << scale)), -(-width // (1 << scale))) for scale in range(4)
    ]
    assert [mask.shape[-1] for mask in prediction.mask_logits] == [32, 16, 8, 4]
    assert all(torch.isfinite(mask).all() for mask in prediction.mask_logits)
    assert torch.isfinite(prediction.detection_logits).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (33, 46), (64, 64)])
def test_an_unshuffled_stem_halves_all_sizes(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = PSCCNet(Architecture(grid=32, stem="unshuffled")).eval()
    assert network.top_down.conv1.weight.shape == (64, 12, 3, 3)
    picture = torch.rand(1, 3, *size)
    with torch.inference_mode():
        maps = network.top_down(picture)
        assert [x.shape[-2:] for x in maps] == [tuple(-(-side // (2 << scale)) for side in size) for scale in range(4)]
        # A side that is odd is mirrored by one pixel.
        even = (
            torch.nn.functional.pad(picture, (0, size[1] % 2, 0, size[0] % 2), "reflect") if min(size) > 1 else picture
        )
        for x, wanted in zip(maps, network.top_down(even), strict=True):
            torch.testing.assert_close(x, wanted)


def test_pictures_of_a_batch_do_not_meet(small: PSCCNet) -> None:
    pictures = torch.rand(3, 3, 36, 44)
    with torch.inference_mode():
        together = small(pictures)
        alone = small(pictures[1:2])
    torch.testing.assert_close(together.mask_logits[0][1:2], alone.mask_logits[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together.detection_logits[1:2], alone.detection_logits, rtol=1e-4, atol=1e-5)


def test_the_network_needs_nothing_else_of_ours() -> None:
    program = (
        "import sys, psccnet.network\n"
        "assert 'torch' not in sys.modules and psccnet.network.Architecture(grid=64)\n"
        "psccnet.network.PSCCNet\n"
        "print(*sorted(m for m in sys.modules if m.startswith('psccnet')))\n"
        "print(*sorted({'cv2', 'pydantic', 'pytorch_lightning', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours, others = done.stdout.split("\n")[:2]
    names = ours.split()
    assert "psccnet.network.psccnet" in names
    assert all(
        name in ("psccnet", "psccnet.errors", "psccnet.version") or name.startswith("psccnet.network") for name in names
    )
    assert others == ""
