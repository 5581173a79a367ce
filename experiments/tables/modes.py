"""The table of mode_collapse."""

import numpy as np

from experiments.modes.methods import METHODS
from experiments.tables.markdown import result, table


def modes_ring() -> str:
    others = {
        "3,000 steps": "mode_collapse_ring_3000_steps",
        "its 400,000 steps cut short": "mode_collapse_ring_pacgan",
    }
    return modes("mode_collapse_ring", others, 8)


def modes_grid() -> str:
    return modes("mode_collapse_grid", {"3,000 steps": "mode_collapse_grid_3000_steps"}, 25)


def modes(name: str, others: dict[str, str], number: int) -> str:
    """Each method on data of so many modes, the real data last. Rows that are in `others` alone say what is other."""
    found = result(name)["numbers"]
    rows = {title: row_of(title, row) for title, row in found["rows"].items()}
    for what, file in others.items():
        for title, row in result(file)["numbers"]["rows"].items():
            rows.setdefault(title, row_of(f"{title} ({what})", row))
    order = [method.title for method in METHODS.values() if method.title in rows]
    header = ["median (worst seed)", f"modes of {number}", "near a mode [%]", "KL [nats]", "width", "s / 1,000 steps"]
    return table(header, [*(rows[title] for title in order), row_of("real data", found["real"])])


def row_of(title: str, row: dict) -> list[str]:
    """Of a width the worst is the one furthest from 1."""
    modes, near, kl, width = (np.array(row[name]) for name in ("modes", "high_quality", "kl", "spread"))
    cost = row.get("seconds_per_1000_steps")
    return [
        title,
        f"{np.median(modes):g} ({modes.min():g})",
        f"{100 * np.median(near):.1f} ({100 * near.min():.1f})",
        f"{np.median(kl):.4f} ({kl.max():.4f})",
        f"{np.median(width):.2f} ({width[np.argmax(np.abs(width - 1))]:.2f})",
        "" if cost is None else f"{cost:.1f}",
    ]


TABLES = {function.__name__: function for function in (modes_ring, modes_grid)}
