import json

import numpy as np

from psccnet.evidence import Finding, Region


def test_a_finding_becomes_json_without_its_map() -> None:
    finding = Finding(
        "copy-move",
        "A part stands twice in the picture.",
        false_alarms=1e-6,
        significant=True,
        regions=(Region(((0, 1), (5, 1), (5, 9)), "source"),),
        map=np.zeros((2, 2), np.float32),
    )
    said = json.loads(json.dumps(finding.to_dict()))
    assert said["regions"] == [{"outline": [[0, 1], [5, 1], [5, 9]], "label": "source"}]
    assert said["significant"] is True
    assert "map" not in said
