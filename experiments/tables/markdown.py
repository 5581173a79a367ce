"""Result files read, and Markdown made of what they hold."""

import json
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent.parent / "results"


def result(name: str) -> dict:
    return json.loads((RESULTS / name / "result.json").read_text(encoding="utf-8"))


def table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def spread(rows: list[dict], key: str, digits: int = 4) -> str:
    """Median and worst."""
    values = [row[key] for row in rows]
    return f"{np.median(values):.{digits}f} ({max(values):.{digits}f})"


def median_and_range(values: list[float], digits: int) -> str:
    return f"{np.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
