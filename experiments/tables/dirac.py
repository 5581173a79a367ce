"""The tables of dirac_gan: eigenvalues of games of two numbers and of the 1-D GAN's."""

import numpy as np

from experiments.tables.markdown import median_and_range, result, table


def games() -> str:
    """Games of two numbers: eigenvalues and where the methods end."""
    rows, config = [], result("dirac_gan")["config"]
    for row in result("dirac_gan")["numbers"]["two_numbers"]:
        real, imaginary = row["eigenvalues"][0]
        pair = [f"{real:.3f}"] * (abs(real) > 1e-6) + [f"± {abs(imaginary):.3f}i"] * (abs(imaginary) > 1e-6)
        start, end = (np.median(row[f"radius_at_the_{when}"]) for when in ("start", "end"))
        rows.append(
            [row["method"], " ".join(pair), f"{row['eigenvalues_error']:.0e}",
             f"{row['update_modulus']:.3f}", f"{start:.2f} → {end:.2g}"]
        )  # fmt: skip
    return table(
        [
            f"method, step size {config['h']}",
            "eigenvalues",
            "off the formula by",
            "a step multiplies by",
            f"radius, {config['steps']} steps",
        ],
        rows,
    )


def gan_games() -> str:
    """The eigenvalues of the 1-D GAN's Jacobian near its end."""
    rows = []
    for row in result("dirac_gan")["numbers"]["gan_1d"]:
        cells = []
        for key in ("largest_real_part", "smallest_real_part", "largest_imaginary_part"):
            cells.append(median_and_range([seed[key] for seed in row["seeds"]], 3))
        rows.append([row["loss"].replace("nons", "non-s"), f"{row['r1']:g}", str(len(row["seeds"])), *cells])
    return table(["1-D GAN", "R1", "seeds", "largest real part", "smallest real part", "largest imaginary part"], rows)


TABLES = {function.__name__: function for function in (games, gan_games)}
