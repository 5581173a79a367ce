"""The table of optimal_discriminator: D against D* with G fixed."""

import numpy as np

from experiments.tables.markdown import result, spread, table


def optimum() -> str:
    """D against D* with G fixed."""
    rows = []
    for name, numbers in result("optimal_discriminator")["numbers"].items():
        gaps = [abs(seed["v_minus_c"]) for seed in numbers["seeds"]]
        rows.append(
            [name, spread(numbers["seeds"], "max_d_error"), f"{numbers['c']:.4f}",
             f"{np.median(gaps):.5f} ({max(gaps):.5f})"]
        )  # fmt: skip
    return table(
        ["p_data against p_g", r"largest \|D - D*\|, median (worst)", "C(G)", r"\|C(G) - V\|, median (worst)"], rows
    )


TABLES = {function.__name__: function for function in (optimum,)}
