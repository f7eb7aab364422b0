import pytest
import torch

from psccnet.network import Architecture, PSCCLoss, PSCCNet
from psccnet.network.detection_head import ContrastHead

from .conftest import square


def flat_with_a_peak(height: float) -> torch.Tensor:
    logits = torch.full((1, 1, 8, 8), -3.0)
    logits[0, 0, 2, 5] += height
    return logits


class TestContrastHead:
    def test_is_the_largest_logit_over_the_mean(self) -> None:
        head = ContrastHead()
        with torch.no_grad():
            head.gain.fill_(2)
            head.bias.fill_(-1)
        pristine, forged = head([], flat_with_a_peak(6.4)).logits[0].tolist()
        assert pristine == 0
        assert forged == pytest.approx(2 * (6.4 - 6.4 / 64) - 1)

    def test_does_not_see_what_shifts_the_whole_mask(self) -> None:
        head, logits = ContrastHead(), torch.randn(3, 1, 16, 16)
        torch.testing.assert_close(head([], logits + 4).logits, head([], logits).logits)

    def test_rises_with_what_stands_out(self) -> None:
        scores = [ContrastHead()([], flat_with_a_peak(height)).logits[0, 1].item() for height in (0.0, 1.0, 5.0)]
        assert scores == sorted(scores)
        assert scores[0] == -2  # nothing stands out: pristine


@pytest.mark.parametrize("exit_scale", [1, 2, 3, 4])
def test_a_network_scores_by_its_mask_2(exit_scale: int) -> None:
    torch.manual_seed(3)
    network = PSCCNet(Architecture(grid=64, detection="contrast")).eval()
    assert network.parameter_counts()["detection_head"] == 2
    with torch.inference_mode():
        picture = torch.rand(2, 3, 50, 70)
        masks, detection, _ = network(picture, exit_scale)
        every = network(picture).mask_logits
    assert [mask.shape for mask in masks] == [mask.shape for mask in every[exit_scale - 1 :]]
    mask = every[1].flatten(1)
    torch.testing.assert_close(detection[:, 1], mask.amax(1) - mask.mean(1) - 2)


def test_the_detection_loss_teaches_gain_and_bias_alone() -> None:
    network = PSCCNet(Architecture(grid=64, detection="contrast"))
    prediction = network(torch.rand(2, 3, 64, 64))
    PSCCLoss()(prediction, square(2, 64, 64), torch.tensor([1, 0]))["detection"].backward()
    learning = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert learning == {"detection_head.gain", "detection_head.bias"}
    assert network.detection_head.gain.grad.item() != 0
