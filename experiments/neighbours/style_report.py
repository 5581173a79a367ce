"""What style_transfer says of its numbers."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.command.results import counted


def report(numbers: dict[str, Any], seeds: int, out: Path) -> None:
    """Medians over seeds, and over the networks that were not used."""
    print(f"medians over {counted(seeds, 'seed')}; results in {out}")
    *textures, transfer = numbers.items()
    for name, of in textures:
        linear, relu, fall = (median(of, *path) for path in (("exact", "linear"), ("exact", "relu"), ("fall",)))
        print(f"{name}: other phases change linear features' Gram matrices by {linear:.0e}, with ReLU by {relu:.2g}")
        multiples = (f"{kind} {median(of, 'multiples', kind):.3g}" for kind in of[0]["multiples"])
        print(f"  L_style / a second draw's, on networks not used: {', '.join(multiples)}; on the used, / {fall:,.0f}")
    for end in ("content", "result"):
        content, used, others = (median(transfer[1], end, kind) for kind in ("content", "style", "style_not_used"))
        print(f"{end}: L_style {used:.1e}, on networks not used {others:.1e}; L_content per feature {content:.1e}")


def median(of_seeds: list[dict], *path: str) -> float:
    for name in path:
        of_seeds = [found[name] for found in of_seeds]
    return float(np.median(of_seeds))
