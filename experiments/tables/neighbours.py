"""The table of the methods beside GANs, a row each; those of adversarial examples, and what the pages say of all."""

from experiments.tables import conditional, cyclegan, style_transfer, vae
from experiments.tables.markdown import median_and_range, result, table


def neighbours() -> str:
    """A row for each method: what it shows, in the exact case and on digits."""
    rows = [conditional.row(), vae.row(), row(), cyclegan.row(), style_transfer.row()]
    return table(["method", "exact case", "digits and textures"], rows)


def row() -> list[str]:
    """Of adversarial examples."""
    found = result("adversarial_examples")["numbers"]
    error = {name: {kind: percent(seeds, kind) for kind in seeds[0]} for name, seeds in found["rows"].items()}
    return [
        "`adversarial_examples`: each pixel a quarter of its range up the loss (Goodfellow et al. 2015)",
        f"formula and attack agree on {of_adversarial()['attack_agree']} digits",
        f"a maxout network's error {error['maxout']['clean']} % becomes {error['maxout']['attacked']} %; trained on "
        f"attacks, {error['maxout, trained on attacks']['attacked']} %, but after other steps up to "
        f"{largest(found['by_eps']['maxout, trained on attacks'])} %",
    ]


def adversarial() -> str:
    """Errors of each classifier, clean and moved, beside the paper's."""
    numbers = result("adversarial_examples")["numbers"]
    rows = [
        [name, *(percent(of_seeds, kind) for kind in ("clean", "random signs", "attacked")),
         numbers["paper_attacked"].get(name, ""), largest(numbers["by_eps"][name]), percent(of_seeds, "rubbish")]
        for name, of_seeds in numbers["rows"].items()
    ]  # fmt: skip
    return table(
        ["error in %, median (range)", "test digits", "random signs", "attacked", "the paper's, attacked",
         "its largest among steps of .05 to .4", "N(0, I) taken for a digit"],
        rows,
    )  # fmt: skip


def percent(of_seeds: list[dict], kind: str) -> str:
    return median_and_range([100 * seed[kind]["error"] for seed in of_seeds], 1)


def largest(by_eps: list[list[float]]) -> str:
    """Of each training the largest error after a step of another size: the first of them, 0, is no step."""
    return median_and_range([100 * max(of_seed[1:]) for of_seed in by_eps], 1)


def discriminators() -> str:
    """The same step against a GAN's D, with and without R1."""
    rows = [
        [name, kind, *(median_and_range([seed[kind][what] for seed in of_seeds], 2) for what in
                       ("logit_before", "logit_moved", "turned_over", "taken_for_real"))]
        for name, of_seeds in result("adversarial_examples")["numbers"]["d"].items()
        for kind in ("real", "fake")
    ]  # fmt: skip
    return table(
        [
            "median (range)",
            "digits",
            "size of D's logit",
            "it moves by",
            "share of verdicts turned over",
            "share taken for real",
        ],
        rows,
    )


def of_neighbours() -> dict[str, str]:
    """Numbers for sentences."""
    return (
        conditional.of_conditional() | vae.of_vae() | of_adversarial() | cyclegan.of_cyclegan()
        | style_transfer.of_style()
    )  # fmt: skip


def of_adversarial() -> dict[str, str]:
    found = result("adversarial_examples")
    exact = found["numbers"]["exact"]
    return {
        "attack_eps": f"{found['config']['eps']:g}",
        "attack_agree": f"{sum(seed['agree'] for seed in exact):,} of {sum(seed['images'] for seed in exact):,}",
    }


OWN = {function.__name__: function for function in (neighbours, adversarial, discriminators)}
TABLES = OWN | conditional.TABLES | vae.TABLES | cyclegan.TABLES | style_transfer.TABLES
