"""README.md's example of use from Python, run as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parent.parent / "README.md"


def test_the_ring_is_learned(capsys):
    (code,) = re.findall(r"^```python\n(import .*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len([line for line in code.splitlines() if line and not line.startswith(("import", "from"))]) == 17
    names = {}
    exec(compile(code, str(README), "exec"), names)
    assert "of the samples lie within 3 standard deviations" in capsys.readouterr().out
    x, centres = np.asarray(names["x"]), names["ring"].means
    assert x.shape == (2500, 2) and np.isfinite(x).all()
    near = np.linalg.norm(x[:, None] - centres, axis=2) < 3 * 0.01
    assert names["found"].modes == near.any(axis=0).sum() >= 7
    # Uniform points on the disc would be near in .7 %.
    assert names["found"].high_quality == pytest.approx(near.any(axis=1).mean()) and near.any(axis=1).mean() > 0.3
