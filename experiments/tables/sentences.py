"""The numbers that stand inside a sentence, by name."""

import numpy as np

from experiments.image_runs.parzen import PAPER_ERROR, PAPER_MEAN
from experiments.modes.methods import METHODS
from experiments.tables.advice import of_advice
from experiments.tables.devices import of_devices
from experiments.tables.markdown import median_and_range, result
from experiments.tables.neighbours import of_neighbours
from experiments.tables.parzen import RUN, in_nats


def numbers() -> dict[str, str]:
    found = of_the_line() | of_vanishing() | of_orders() | of_frozen_players() | of_games() | of_images() | of_runs()
    return found | of_advice() | of_rough_day() | of_modes() | of_table_1() | of_neighbours() | of_devices()


def of_rough_day() -> dict[str, str]:
    return {"rough_interruptions": str(result("rough_day")["numbers"]["counts"]["interruptions"])}


def of_table_1() -> dict[str, str]:
    run, judged = result(RUN)["numbers"], result("parzen_critique")["numbers"]["rows"]

    def of_seeds(name: str) -> str:
        """Of the newest G with seeds 1 and 2."""
        seeds = [result(f"{RUN}{name}_{seed}")["numbers"] for seed in (1, 2)]
        return " and ".join(f"{seed['parzen']['newest G']['mean']:.0f}" for seed in seeds)

    return {
        "order_nats": of_seeds("_algorithm_1_seed"),
        "at_once_nats": of_seeds("_seed"),
        "order_epochs": f"{result(f'{RUN}_seed_1')['numbers']['epochs'][-1]:g}",
        "paper_nats": f"{PAPER_MEAN} ± {PAPER_ERROR}",
        "newest_nats": in_nats(run["parzen"]["newest G"]),
        "averaged_nats": in_nats(run["parzen"]["averaged G"]),
        "real_nats": in_nats(run["parzen"]["training images"]),
        "k_means_nats": in_nats(judged["k-means centres"]["parzen"]),
    }


OURS = METHODS["ours-pieces"].title


def of_modes() -> dict[str, str]:
    found = result("mode_collapse_ring")
    rows, real = (found["numbers"][name] for name in ("rows", "real"))
    stacks = result("stacked_mnist")["numbers"]["judged"]

    def lost(name: str) -> str:
        """Seeds that end with fewer than all eight modes."""
        return str(sum(modes < 8 for modes in rows[name]["modes"]))

    return {
        "lost_gan": lost("GAN"),
        "lost_k5": lost("GAN, k = 5"),
        "lost_ours": lost(OURS),
        "modes_seeds": str(found["config"]["seeds"]),
        "near_ours": f"{100 * np.median(rows[OURS]['high_quality']):.1f}",
        "modes_kl_ours": f"{np.median(rows[OURS]['kl']):.4f}",
        "modes_kl_real": f"{np.median(real['kl']):.4f}",
        "width_ours": f"{np.median(rows[OURS]['spread']):.2f}",
        "kinds": f"{stacks['generated']['kinds']:,}",
        "kinds_kl": f"{stacks['generated']['kl']:.3f}",
        "kinds_kl_real": f"{stacks['real']['kl']:.3f}",
        "near_real": f"{100 * np.median(real['high_quality']):.1f}",
    }


def of_the_line() -> dict[str, str]:
    runs = {name: result(f"goodfellow_1d_{name}")["numbers"] for name in ("default", "plain", "batch_256")}
    ks = {name: [seed["ks"] for seed in run["generators"]] for name, run in runs.items()}
    true = runs["default"]["true_draws"]

    def over_true(name: str, key: str) -> str:
        """Median over true draws' median."""
        made, real = (np.median([row[key] for row in rows]) for rows in (runs[name]["generators"], true))
        return f"{made / real:.2f}"

    return {
        "loss_d": f"{np.median(runs['default']['at_the_end']['loss_d']):.3f}",
        "loss_g": f"{np.median(runs['default']['at_the_end']['loss_g']):.3f}",
        "loss_d_plain": f"{np.median(runs['plain']['at_the_end']['loss_d']):.3f}",
        "ks_default": f"{np.median(ks['default']):.4f}",
        "ks_true": f"{np.median([row['ks'] for row in true]):.4f}",
        "ks_plain": f"{np.median(ks['plain']):.2f}",
        "ks_default_range": f"{min(ks['default']):.4f} to {max(ks['default']):.4f}",
        "ks_plain_range": f"{min(ks['plain']):.2f} to {max(ks['plain']):.2f}",
        "ks_over_true": over_true("default", "ks"),
        "w1_over_true": over_true("default", "w1_over_std"),
        "ks_over_true_batch": over_true("batch_256", "ks"),
        "w1_over_true_batch": over_true("batch_256", "w1_over_std"),
    }


def of_vanishing() -> dict[str, str]:
    vanishing = result("gradient_vanishing")["numbers"]
    slopes, closed = vanishing["a_slopes"], vanishing["b_closed_form"]
    rare = next(i for i, d in enumerate(slopes["d_of_g"]) if d < 0.01)
    far = next(row for row in closed["at"] if row["theta"] == 10)
    falls = [seed["orders_from_start_to_lowest"] for seed in vanishing["c_frozen_generator"][0]["seeds"]]
    unshrunk = result("gradient_vanishing_unshrunk")["numbers"]["c_frozen_generator"][0]["seeds"]
    dips = sum(seed["nonsaturating_lowest_over_start"] < 1 for seed in unshrunk)
    strong = [race for race in vanishing["d_races"] if race["mean"] == race["k"] == 10]
    arrived = {race["loss"]: f"{len(race['arrived_after'])} of {race['seeds']}" for race in strong}
    return {
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
    }


def of_orders() -> dict[str, str]:
    on_images = result("five_orders")["numbers"]
    digits, photographs, faster = on_images["mnist"][0], on_images["cifar10"][0], on_images["cifar10"][2]

    def falls(row: dict, since: str) -> str:
        return median_and_range([seed[f"orders_from_{since}"] for seed in row["seeds"]], 1)

    return {
        "orders_digits": falls(digits, "peak"),
        "orders_photographs": falls(photographs, "peak"),
        "orders_photographs_fast": falls(faster, "peak"),
        "orders_since_start": falls(photographs, "start"),
        "orders_since_start_fast": falls(faster, "start"),
    }


def of_frozen_players() -> dict[str, str]:
    frozen = result("frozen_players")
    alone, whole = frozen["numbers"]["g_alone"], frozen["numbers"]["whole"]
    end = {name: run["gradient_at_the_end"]["median"] for name, run in whole.items()}
    return {
        "g_steps": str(frozen["config"]["g_steps"]),
        "frozen_d_moved": f"{alone['algorithm 1']['d_params_moved']['highest']:g}",
        "unfrozen_d_fake": f"{alone['unfrozen']['d_fake_at_the_end']['median']:.4f}",
        "unfrozen_before": f"{alone['unfrozen']['gradient_at_the_start']['median']:.2f}",
        "unfrozen_after": f"{alone['unfrozen']['gradient_at_the_end']['median']:.4f}",
        "unfrozen_d_fake_whole": f"{whole['unfrozen']['d_fake_at_the_end']['median']:.3f}",
        "unfrozen_derived": f"{frozen['numbers']['unfrozen_d_derived']:.3f}",
        "unfrozen_weaker": f"{end['algorithm 1'] / end['unfrozen']:.0f}",
    }


def of_games() -> dict[str, str]:
    rows = result("dirac_gan")["numbers"]["gan_1d"]
    plain, with_r1 = (
        np.median([seed["largest_imaginary_part"] for row in rows
                   if row["loss"] == "nonsaturating" and (row["r1"] > 0) == r1 for seed in row["seeds"]])
        for r1 in (False, True)
    )  # fmt: skip
    return {
        "parameters": str(rows[0]["seeds"][0]["parameters"]),
        "turning": f"{plain:.2f}",
        "turning_r1": f"{with_r1:.2f}",
    }


def of_images() -> dict[str, str]:
    drawn = result("sample")["numbers"]
    return {
        "judge_mnist": f"{100 * result('classifier_mnist')['numbers']['test_accuracy']:.2f}",
        "judge_cifar10": f"{100 * result('classifier_cifar10')['numbers']['test_accuracy']:.1f}",
        "frogs_loss_d": f"{result('cifar_dcgan')['numbers']['at_the_end']['loss_d']:.2f}",
        "nearest_generated": f"{drawn['generated_to_nearest_training_image']:.1f}",
        "nearest_test": f"{drawn['test_to_nearest_training_image']:.1f}",
    }


def of_runs() -> dict[str, str]:
    killed = result("killed_runs")["numbers"]
    toys = {name: row["times_pytorch"] for name, row in result("benchmark_toy")["numbers"]["groups"]["1-D GAN"].items()}
    products = {}
    for group, rows in result("benchmark_images")["numbers"]["groups"].items():
        if "the matrix products alone" in rows:
            ours, floor = (rows[name]["per_second"] for name in ("JAX", "the matrix products alone"))
            products[group.split(",")[0]] = f"{100 * ours / floor:.0f}"
    return {
        "kills": str(len(killed["kills"])),
        "kills_while_saving": str(killed["while_saving"]),
        "kills_lost": str(killed["checkpoints_lost"]),
        "products_mnist": products["mnist"],
        "products_cifar10": products["cifar10"],
        # Each ratio to PyTorch is taken inside its round, where both met the same machine.
        "over_func": f"{toys['JAX, 32 seeds'] / toys['torch.func, 32 seeds']:.1f}",
        "draws_cost": f"{100 * (1 - toys['JAX, 1 seed'] / toys['JAX, 1 seed, nothing drawn']):.0f}",
    }
