"""README.md's example of use from Python, run as it stands there."""

import re
from pathlib import Path

import numpy as np

README = Path(__file__).parent.parent / "README.md"


def test_the_ring_is_learned(capsys):
    (code,) = re.findall(r"^```python\n(import .*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len([line for line in code.splitlines() if line and not line.startswith(("import", "from"))]) == 19
    names = {}
    exec(compile(code, str(README), "exec"), names)
    assert "of the samples are near a mode" in capsys.readouterr().out
    x, centres = names["x"], names["ring"].means
    assert x.shape == (2500, 2) and np.isfinite(x).all()
    # A tenth of the radius; neighbouring modes are .77 apart, and uniform points on the disc would be near in 8 %.
    near = np.linalg.norm(x[:, None] - centres, axis=2) < 0.1
    assert near.any(axis=1).mean() > 0.7
    # At least a third of its share in every mode but one.
    assert np.sum(near.mean(axis=0) > 1 / 24) >= 7
    assert names["modes"].tolist() == near.sum(axis=0).tolist()
