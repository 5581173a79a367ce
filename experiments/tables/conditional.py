"""The tables of conditional GANs: two classes on the line, and digits."""

import numpy as np

from experiments.tables.markdown import median_and_range, result, table


def row() -> list[str]:
    """Of the first page's table."""
    numbers = result("conditional")["numbers"]
    stds = {way: spread_on_the_line(line_of(way, weight, 1.0)) for way, weight in (("projection", 0), ("AC-GAN", 0.1))}
    exact = line_of("AC-GAN", 0.1, 1.0)["exact"]
    agree = {way: percent(of_seeds, "agreement") for way, of_seeds in numbers["digits"].items()}
    return [
        "`conditional`: G and D are told the class (Miyato & Koyama 2018; Odena et al. 2017)",
        f"two Gaussians, standard deviation 1 each: a projection's G has {stds['projection']}; AC-GAN's labels by "
        f"sign, {stds['AC-GAN']}, closed form {exact:.3f}",
        f"{agree['projection']} % of a projection's digits are what was asked, {agree['AC-GAN']} % of AC-GAN's (real "
        f"ones {percent(numbers['real'], 'agreement')} %)",
    ]


def line_of(way: str, weight: float, m: float) -> dict:
    """The row of the result file."""
    (found,) = (
        of for of in result("conditional")["numbers"]["line"]
        if (of["way"], of["weight"], of["m"]) == (way, weight, m)
    )  # fmt: skip
    return found


def spread_on_the_line(of: dict) -> str:
    """Standard deviations of both classes of all seeds."""
    return median_and_range([std for seed in of["seeds"] for std in seed["std"]], 3)


def conditional_line() -> str:
    """Each way to tell D the class, at each distance of the two classes."""
    rows = []
    for of in result("conditional")["numbers"]["line"]:
        name = of["way"] + f", L_C times {of['weight']:g} in G's loss" * (of["way"] == "AC-GAN")
        whole = median_and_range([seed["whole_std"] / (1 + of["m"] ** 2) ** 0.5 for seed in of["seeds"]], 2)
        signs = median_and_range([100 * seed["sign_agrees"] for seed in of["seeds"]], 0)
        signs += f"; data {100 * of['sign_of_data']:.0f}"
        rows.append([f"{of['m']:g}", name, spread_on_the_line(of), f"{of['exact']:.3f}", whole, signs])
    return table(
        ["m", "median (range)", "standard deviation in a class", "closed form, for a small weight",
         "of both classes, over the data's",
         "the sign is the class's, %"],
        rows,
    )  # fmt: skip


def conditional_digits() -> str:
    """What the judge sees of each way's digits, real ones last."""
    numbers = result("conditional")["numbers"]
    rows = []
    for name, of_seeds in (*numbers["digits"].items(), ("real digits", numbers["real"])):
        classes = [ratio for seed in of_seeds for ratio in seed["diversity"] if ratio is not None]
        rows.append(
            [name, percent(of_seeds, "agreement"), median_and_range(classes, 2), percent(of_seeds, "usefulness"),
             zeros(numbers["overlap"].get(name))]
        )  # fmt: skip
    return table(
        ["median (range)", "the judge sees the class that was asked, %",
         "variance in a class, of those it sees, over real digits'",
         "a classifier that learns from them knows real digits, %", "zeros in {0, 1} and in {0, 2}"],
        rows,
    )  # fmt: skip


def percent(of_seeds: list[dict], kind: str) -> str:
    return median_and_range([100 * seed[kind] for seed in of_seeds], 1)


def zeros(of_seeds: list[dict] | None) -> str:
    """The share of zeros over both classes and all seeds; nothing where it was not measured."""
    return "" if of_seeds is None else median_and_range([share for seed in of_seeds for share in seed.values()], 2)


def of_conditional() -> dict[str, str]:
    """Numbers for sentences."""
    numbers = result("conditional")["numbers"]
    line = [of for of in numbers["line"] if of["weight"] == 0.1 or of["way"] == "projection"]
    away = lambda way: max(  # noqa: E731
        abs(np.median([std for seed in of["seeds"] for std in seed["std"]]) - of["exact"])
        for of in line
        if of["way"] == way
    )
    return {
        "line_off": f"{away('AC-GAN'):.3f}",
        "line_projection_off": f"{away('projection'):.3f}",
        "zeros_1": zeros(numbers["overlap"]["AC-GAN"]),
        "zeros_3": zeros(numbers["overlap"]["AC-GAN, weight 3"]),
    }


TABLES = {function.__name__: function for function in (conditional_line, conditional_digits)}
