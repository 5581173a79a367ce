"""The table of frozen_players: what moves, and what comes of it."""

import numpy as np

from experiments.tables.markdown import result, table


def frozen() -> str:
    """Algorithm 1, an unfrozen D, and drifting statistics."""
    rows = []
    numbers = result("frozen_players")["numbers"]
    for act, title in (("g_alone", "G alone steps"), ("whole", "Algorithm 1")):
        for name, label in (
            ("algorithm 1", "D frozen"),
            ("unfrozen", "G's loss moves D too"),
            ("drifting", "D's statistics drift"),
        ):
            run = numbers[act][name]
            medians = {key: run[key]["median"] for key in run if key != "ks_at_the_end"}
            rows.append(
                [title, label, f"{medians['d_params_moved']:.2g}", f"{medians['d_stats_moved']:.2g}",
                 f"{medians['d_fake_at_the_end']:.4f}",
                 f"{medians['gradient_at_the_start']:.2f} → {medians['gradient_at_the_end']:.2g}",
                 f"{medians['d_at_sampling_moved']:.2f}", f"{np.median(run['ks_at_the_end']):.3f}"]
            )  # fmt: skip
    return table(
        ["", "in G's step", "D's parameters moved by", "its statistics by", "D(G(z)) at the end",
         "norm of G's gradient", "D(x) at sampling moved by", "KS at the end"],
        rows,
    )  # fmt: skip


TABLES = {function.__name__: function for function in (frozen,)}
