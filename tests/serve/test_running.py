"""What a server needs, and what it does not."""

import subprocess
import sys
from pathlib import Path

from psccnet.inference.rendering import png
from psccnet.serve.page_files import page_files
from psccnet.serve.settings import Settings

from ..conftest import texture


def test_no_torch_is_loaded(tmp_path: Path) -> None:
    words = (
        "import sys, numpy, psccnet.serve.app, psccnet.serve.jobs as jobs, psccnet.serve.settings as settings;"
        " looking = jobs.DetectionJobs(settings.Settings(backend='openvino', device='cpu'));"
        " outcome = looking.detect(open(sys.argv[1], 'rb').read(), 'x', jobs.Options());"
        " assert outcome.result.findings;"
        " drawing = jobs.DrawingJobs(settings.Settings(), looking._detector.card);"
        " assert drawing.response(outcome, 3, (0.5, 0.5)).max() == 1;"
        " print('torch' in sys.modules)"
    )
    picture = tmp_path / "picture.png"
    picture.write_bytes(png(texture(1, 96, 96)))
    done = subprocess.run([sys.executable, "-c", words, str(picture)], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


def test_bodies_leave_room_for_base64() -> None:
    settings = Settings(max_bytes=3_000_000)
    assert settings.body_limit("/v1/detect") > 4_000_000
    assert settings.body_limit("/v1/detect/batch") > 16_000_000
    assert settings.body_limit("/v1/model") < 100_000


def test_the_page_loads_nothing_from_elsewhere() -> None:
    known = page_files()
    assert {"index.html", "app.js", "viewer.js", "scales.json"} <= known.keys()
    for name, content in known.items():
        text = content.decode().replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, name
        assert "https:" not in text, name
        assert "innerHTML" not in text, name
