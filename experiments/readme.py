"""Write the numbers of README.md from the result files in experiments/results (seconds; for who changes either).

A table stands in README.md between the lines `<!-- NAME -->` and `<!-- end -->`, where NAME is a function of
_tables.py or _image_tables.py; a number in a sentence stands between the same marks, with a key of `numbers` for NAME.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments import _image_tables, _script, _tables
from experiments._tables import RESULTS, result

README = Path(__file__).parent.parent / "README.md"
TABLES = _tables.TABLES | _image_tables.TABLES


@dataclass(frozen=True)
class Config:
    """Nothing but the file to rewrite."""

    readme: Path = README
    """The file whose tables are rewritten in place."""


def main(config: Config) -> None:
    """Rewrite the file."""
    text = rewritten(config.readme.read_text(encoding="utf-8"))
    with _script.replacing(config.readme) as path:
        path.write_text(text, encoding="utf-8")
    print(f"{config.readme} holds the numbers of {RESULTS}")


def rewritten(text: str) -> str:
    """The text with each table and each number made anew."""
    inline = numbers()

    def fill(match: re.Match) -> str:
        name = match[1]
        new = f"\n{TABLES[name]()}\n" if name in TABLES else inline[name]
        return f"<!-- {name} -->{new}<!-- end -->"

    return re.sub(rf"<!-- ({'|'.join([*TABLES, *inline])}) -->.*?<!-- end -->", fill, text, flags=re.DOTALL)


def numbers() -> dict[str, str]:
    """Those that stand inside a sentence."""
    default, plain = (result(f"goodfellow_1d_{name}")["numbers"] for name in ("default", "plain"))
    ks_default, ks_plain = ([seed["ks"] for seed in run["generators"]] for run in (default, plain))
    vanishing = result("gradient_vanishing")["numbers"]
    slopes = vanishing["a_slopes"]
    rare = next(i for i, d in enumerate(slopes["d_of_g"]) if d < 0.01)
    closed = vanishing["b_closed_form"]
    far = next(row for row in closed["at"] if row["theta"] == 10)
    falls = [seed["orders_from_start_to_lowest"] for seed in vanishing["c_frozen_generator"][0]["seeds"]]
    unshrunk = result("gradient_vanishing_unshrunk")["numbers"]["c_frozen_generator"][0]["seeds"]
    dips = sum(seed["nonsaturating_lowest_over_start"] < 1 for seed in unshrunk)
    strong = [race for race in vanishing["d_races"] if race["mean"] == race["k"] == 10]
    arrived = {race["loss"]: f"{len(race['arrived_after'])} of {race['seeds']}" for race in strong}
    frozen = result("frozen_players")
    alone, whole = frozen["numbers"]["g_alone"], frozen["numbers"]["whole"]
    end = {name: run["gradient_at_the_end"]["median"] for name, run in whole.items()}
    plain_game, with_r1 = (
        np.median([seed["largest_imaginary_part"] for row in result("dirac_gan")["numbers"]["gan_1d"]
                   if row["loss"] == "nonsaturating" and (row["r1"] > 0) == r1 for seed in row["seeds"]])
        for r1 in (False, True)
    )  # fmt: skip
    killed, drawn = (result(name)["numbers"] for name in ("killed_runs", "sample"))
    speeds = {
        group.split(",")[0]: {name: row["per_second"] for name, row in rows.items()}
        for group, rows in result("benchmark_images")["numbers"]["groups"].items()
    }
    products = {name: f"{100 * row['JAX'] / row['the matrix products alone']:.0f}" for name, row in speeds.items()}
    return {
        "loss_d": f"{np.median(default['at_the_end']['loss_d']):.3f}",
        "loss_g": f"{np.median(default['at_the_end']['loss_g']):.3f}",
        "loss_d_plain": f"{np.median(plain['at_the_end']['loss_d']):.3f}",
        "ks_default": f"{np.median(ks_default):.4f}",
        "ks_plain": f"{np.median(ks_plain):.2f}",
        "ks_default_range": f"{min(ks_default):.4f} to {max(ks_default):.4f}",
        "ks_plain_range": f"{min(ks_plain):.2f} to {max(ks_plain):.2f}",
        "d_of_g": f"{slopes['d_of_g'][rare]:.3g}",
        "slope_nonsaturating": f"{slopes['nonsaturating_slope'][rare]:.3f}",
        "slope_saturating": f"{slopes['saturating_slope'][rare]:.3f}",
        "theorem_2_5": f"{max(value for key, value in closed.items() if key.startswith('largest')):.0e}",
        "grad_jsd": f"{far['2 JSD']:.1e}",
        "grad_reverse": f"{far['KL - 2 JSD']:.1f}",
        "fall": f"{np.median(falls):.1f}",
        "fall_unshrunk": f"{np.median([seed['orders_from_start_to_lowest'] for seed in unshrunk]):.1f}",
        "dips": f"{dips} of {len(unshrunk)}",
        "arrived_saturating": arrived["saturating"],
        "arrived_nonsaturating": arrived["nonsaturating"],
        "g_steps": str(frozen["config"]["g_steps"]),
        "frozen_d_moved": f"{alone['algorithm 1']['d_params_moved']['highest']:g}",
        "unfrozen_d_fake": f"{alone['unfrozen']['d_fake_at_the_end']['median']:.4f}",
        "unfrozen_before": f"{alone['unfrozen']['gradient_at_the_start']['median']:.2f}",
        "unfrozen_after": f"{alone['unfrozen']['gradient_at_the_end']['median']:.4f}",
        "unfrozen_d_fake_whole": f"{whole['unfrozen']['d_fake_at_the_end']['median']:.3f}",
        "unfrozen_derived": f"{frozen['numbers']['unfrozen_d_derived']:.3f}",
        "unfrozen_weaker": f"{end['algorithm 1'] / end['unfrozen']:.0f}",
        "judge_mnist": f"{100 * result('classifier_mnist')['numbers']['test_accuracy']:.2f}",
        "judge_cifar10": f"{100 * result('classifier_cifar10')['numbers']['test_accuracy']:.1f}",
        "frogs_loss_d": f"{result('cifar_dcgan')['numbers']['at_the_end']['loss_d']:.2f}",
        "nearest_generated": f"{drawn['generated_to_nearest_training_image']:.1f}",
        "nearest_test": f"{drawn['test_to_nearest_training_image']:.1f}",
        "kills": str(len(killed["kills"])),
        "kills_while_saving": str(killed["while_saving"]),
        "kills_lost": str(killed["checkpoints_lost"]),
        "products_mnist": products["mnist"],
        "products_cifar10": products["cifar10"],
        "parameters": str(result("dirac_gan")["numbers"]["gan_1d"][0]["seeds"][0]["parameters"]),
        "turning": f"{plain_game:.2f}",
        "turning_r1": f"{with_r1:.2f}",
    }


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
