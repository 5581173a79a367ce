"""The tables of mnist_dcgan and cifar_dcgan: their images under a measure, real images beside them, other settings."""

from experiments.image_runs.scores import LABELS
from experiments.tables.markdown import median_and_range, result, table

DIGITS = ("mnist_dcgan", "mnist_dcgan_full_seed_1", "mnist_dcgan_full_seed_2")  # one run with three seeds


def digits() -> str:
    """What MNIST's DCGAN makes, the plain PyTorch one's, and the training images under the same measure."""
    ours, theirs = [result(name)["numbers"] for name in DIGITS], result("pytorch_dcgan")["numbers"]
    made = [run["judged"]["generated"] for run in ours]
    columns = [made, [theirs["judged"]["generated"]], [ours[0]["judged"]["real"]]]
    names = [
        f"this GAN, {ours[0]['steps']:,} steps, {len(ours)} seeds: median (range)",
        f"plain PyTorch, {theirs['steps']:,} steps, one run",
        "training images",
    ]
    loss_d = median_and_range([run["at_the_end"]["loss_d"] for run in ours], 2)
    rows = [*judged_rows(columns), ["D's loss at the end (chance: 1.39)", loss_d, "", ""]]
    return table([f"{made[0]['images']:,} images each", *names], rows)


def both() -> str:
    """Digits and frogs side by side, each beside its training images."""
    of_digits, of_frogs = [result(name)["numbers"] for name in DIGITS], result("cifar_dcgan")["numbers"]
    columns = [
        [run["judged"]["generated"] for run in of_digits], [of_digits[0]["judged"]["real"]],
        [of_frogs["judged"]["generated"]], [of_frogs["judged"]["real"]],
    ]  # fmt: skip
    *rows, _ = judged_rows(columns)
    seeds = f"digits: this GAN, {len(of_digits)} seeds"
    return table(["median (range)", seeds, "training digits", "frogs: this GAN, one run", "training frogs"], rows)


def settings() -> str:
    """What one setting after the other does to MNIST's DCGAN whose noise has no categories; the command comes first."""
    default = result("mnist_dcgan_3000_steps")
    base = " ".join(f"--{name} {default['config'][name]}" for name in ("steps", "seed"))
    rows = [["nothing", *quality(default)]]
    for name in (
        "seed_2", "categories_10", "categories_10_seed_2", "categories_30", "rates_equal", "rates_slow", "rates_fast",
        "hidden_0", "hidden_1024", "noise_dim_32", "batch_32", "batch_128", "shift_2", "dropout",
        "rates_fast_hidden_512",
    ):  # fmt: skip
        run = result(f"mnist_dcgan_{name}")
        # A setting that a result file does not know yet was off in its run.
        changed = {key: value for key, value in run["config"].items() if value != default["config"].get(key, 0)}
        flags = " ".join(f"--{key.replace('_', '-')} {value:g}" for key, value in changed.items())
        rows.append([f"`{flags}`", *quality(run)])
    command = f"`python -m experiments.mnist_dcgan --categories 0 {base}`, and what each row adds:"
    return f"{command}\n\n{table(['added', *QUALITY], rows)}"


QUALITY = ["D's loss at the end (chance: 1.39)", *(label for _, label, _ in LABELS)]


def quality(run: dict) -> list[str]:
    """The cells under QUALITY of a run of mnist_dcgan or cifar_dcgan."""
    made = run["numbers"]["judged"]["generated"]
    return [
        f"{run['numbers']['at_the_end']['loss_d']:.2f}",
        *(f"{made[key]:.{digits}f}" for key, _, digits in LABELS),
    ]


def frogs() -> str:
    """What the frogs' DCGAN makes, and the training images under the same measure."""
    ours = result("cifar_dcgan")["numbers"]
    columns = [ours["judged"]["generated"], ours["judged"]["real"]]
    names = [f"this GAN, {ours['steps']:,} steps", "training frogs"]
    *rows, _ = judged_rows([[column] for column in columns])
    shares = [f"{100 * column['class_shares']['frog']:.1f}" for column in columns]
    rows.append(["the judge sees a frog in [%]", *shares])
    return table([f"{columns[0]['images']:,} images each", *names], rows)


def frog_settings() -> str:
    """What shifts in front of D and the balance of the players do to the frogs, early on."""
    rows = []
    for name in ("plain", "shift", "shift_fast_g", "2500_steps_fast_g", "2500_steps", "8000_steps"):
        run = result(f"cifar_dcgan_{name}")
        set_to = [f"{run['config'].get(key, 0):g}" for key in ("shift", "rate_g", "rate_d")]
        rates = "fall" if run["config"]["decay"] else "stay"
        rows.append([f"{run['numbers']['steps']:,}", *set_to, rates, *quality(run)])
    return table(["steps", "shift [pixels]", "G's rate", "D's rate", "rates", *QUALITY], rows)


def judged_rows(columns: list[list[dict]]) -> list[list[str]]:
    """One row for each number of scores.of_images. A column is one run, or several with one seed each."""
    rows = []
    for key, label, places in LABELS:
        of_columns = [[run[key] for run in column] for column in columns]
        rows.append([label, *(median_and_range(v, places) if len(v) > 1 else f"{v[0]:.{places}f}" for v in of_columns)])
    shares = [[100 * share for run in column for share in run["class_shares"].values()] for column in columns]
    return [*rows, ["share of a class, rarest to most common [%]", *(f"{min(s):.1f} to {max(s):.1f}" for s in shares)]]


TABLES = {function.__name__: function for function in (both, digits, settings, frogs, frog_settings)}
