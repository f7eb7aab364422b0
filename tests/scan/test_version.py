"""A scan does not go on with results of other traces."""

from psccnet.evidence import VERSION
from psccnet.inference import Detector
from psccnet.scan.looking import Options


def test_the_version_of_the_traces_is_part_of_what_must_not_change(detector: Detector) -> None:
    assert Options(evidence=True).key(detector)["version of the traces"] == str(VERSION)
    assert Options(evidence=False).key(detector)["version of the traces"] is None
