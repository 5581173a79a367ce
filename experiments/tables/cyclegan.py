"""The tables of CycleGAN: where G ends in the plane, and digits translated."""

import numpy as np

from experiments.tables.markdown import median_and_range, result, table


def row() -> list[str]:
    """Of the first page's table."""
    found = of_cyclegan()
    return [
        "`cyclegan`: two translations, each the other's inverse, without pairs (Zhu et al. 2017)",
        f"between two N(0, I) every rotation is as good: errors from {found['cycle_least']} to {found['cycle_most']}, "
        f"each within {found['cycle_off']} % of its formula",
        f"upright digits to lying ones: {found['cycle_agree']} % keep their label, error {found['cycle_paired']} of "
        f"chance's; to inverted ones it fails: {found['cycle_both_inverted']} %",
    ]


def cyclegan_plane() -> str:
    """All starts of all seeds, for each domain."""
    rows = []
    for name, of_seeds in result("cyclegan")["numbers"]["plane"].items():
        best = [min(starts, key=lambda start: start["value"])["measured"] for starts in of_seeds]
        starts = [start for starts in of_seeds for start in starts]
        errors = [start["measured"] for start in starts]
        reflections = sum(start["reflects"] for start in starts)
        rows.append([name, f"{reflections} of {len(starts)}", median_and_range(errors, 2), median_and_range(best, 2)])
    return table(
        ["domains X = Y", "starts that end at a reflection", "error of all starts, median (range)",
         "of each seed's start with the lowest objective"],
        rows,
    )  # fmt: skip


def cyclegan_digits() -> str:
    """Each kind of losses, for each task, with chance, the mean image and the truth."""
    numbers = result("cyclegan")["numbers"]
    rows = []
    for name, kinds in numbers["digits"].items():
        chance = numbers["chance"][name]
        for kind, of_seeds in kinds.items():
            paired = median_and_range([of["paired"] / chance["paired"] for of in of_seeds], 3)
            agree = median_and_range([100 * of["agreement"] for of in of_seeds], 1)
            cycles = (median_and_range([of[what] for of in of_seeds], 4) for what in ("cycle", "cycle_noisy"))
            rows.append([name, kind, paired, agree, *cycles])
        rows.append([name, "a random other digit", "1", f"{100 * chance['agreement']:.1f}", "", ""])
        rows.append([name, "the truth, upside down", "", f"{100 * chance['judge_upside_down']:.1f}", "", ""])
        rows.append([name, "the mean image", f"{chance['paired_of_mean'] / chance['paired']:.3f}", "", "", ""])
        rows.append([name, "the truth", "0", f"{100 * chance['judge']:.1f}", "0", "0.01"])
    return table(
        ["task", "losses, median (range)", "paired error over chance's", "label kept, %", "cycle error",
         "with noise between"],
        rows,
    )  # fmt: skip


def of_cyclegan() -> dict[str, str]:
    """Numbers for sentences."""
    numbers = result("cyclegan")["numbers"]
    exact = [start for starts in numbers["plane"]["N(0, I)"] for start in starts]
    rotation, inversion = (numbers["digits"][name] for name in ("rotation", "inversion"))

    def kept(of_seeds: list[dict]) -> str:
        return median_and_range([100 * of["agreement"] for of in of_seeds], 1)

    chance = numbers["chance"]["rotation"]["paired"]
    return {
        "cycle_least": f"{min(of['measured'] for of in exact):.2f}",
        "cycle_most": f"{max(of['measured'] for of in exact):.2f}",
        "cycle_off": f"{100 * numbers['off_the_formula']:.1f}",
        "cycle_agree": kept(rotation["both with identity"]),
        "cycle_paired": f"{np.median([of['paired'] for of in rotation['both with identity']]) / chance:.0e}",
        "cycle_inverted": kept(inversion["both with identity"]),
        "cycle_both_inverted": kept(inversion["both"]),
    }


TABLES = {function.__name__: function for function in (cyclegan_plane, cyclegan_digits)}
