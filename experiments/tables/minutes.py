"""How long what takes: every command, and a step of ours beside PyTorch's."""

from experiments.tables.markdown import result, table

# One row a command: the result file that its minutes come from, what is typed, what is asked.
COMMANDS = (
    ("goodfellow_1d_default", "goodfellow_1d", "Does G become the data's distribution? The picture above, 32 seeds"),
    ("optimal_discriminator", "optimal_discriminator", "Proposition 1: does D become D*, and V C(G)?"),
    ("gradient_vanishing", "gradient_vanishing", "Why does log(1 - D(G(z))) stop learning, and what does that cost?"),
    (
        "five_orders",
        "five_orders",
        "When does that gradient lose five orders on images (Arjovsky & Bottou 2017)?",
    ),
    ("dirac_gan", "dirac_gan", "Which update rule arrives, and do the eigenvalues foretell it?"),
    ("frozen_players", "frozen_players", "What goes wrong when D is not frozen in G's step?"),
    ("mode_collapse", "mode_collapse", "When does a GAN lose modes, and what brings them back?"),
    ("goodfellow_mnist", "goodfellow_mnist", "The paper's own networks on MNIST: Table 1, Figures 2 and 3"),
    ("parzen_critique", "parzen_critique", "And does its measure say which images are good?"),
    ("mnist_dcgan", "mnist_dcgan", "How good do digits become?"),
    ("cifar_dcgan", "cifar_dcgan", "And frogs, or all ten classes?"),
    ("stacked_mnist", "stacked_mnist", "Three digits in an image: does a DCGAN make all of a thousand kinds?"),
    ("advice", "advice", "Which of the advice in every GAN text helps, which harms? (Minutes of one core)"),
    ("conditional", "conditional --seeds 3", "Can one ask for a digit, in three ways? (Of one core)"),
    ("vae", "vae --seeds 3", "How likely is a digit? What does a GAN lack, that has no encoder? (Of one core)"),
    ("adversarial_examples", "adversarial_examples --seeds 3", "A step in the pixels fools a classifier. And D?"),
    ("cyclegan", "cyclegan --seeds 3", "Does going there and back make a translation true? (Of one core)"),
    ("style_transfer", "style_transfer --seeds 3", "How far do random filters go in telling textures? (Of one core)"),
    ("sample", "sample --run runs/mnist_dcgan", "What did a trained DCGAN learn: samples, walks, nearest neighbours"),
    ("pytorch_dcgan", "pytorch_dcgan", "How good is the plain PyTorch DCGAN after as many steps?"),
    (
        "benchmark_toy",
        "benchmark --rounds 20",
        "How fast is the 1-D GAN beside PyTorch? `images`: DCGANs. `device`: a GPU",
    ),
    ("classifier_mnist", "classifier", "How good is the judge of the images?"),
    ("killed_runs", "killed_runs", "Does a run survive SIGKILL, to the bit?"),
    ("scaling", "scaling", "Is a run on many devices the same, and how many are enough?"),
    ("rough_day", "rough_day", None),
)
VARIANTS = (
    ("goodfellow_1d_quick", "goodfellow_1d --seeds 4 --steps 8000"),
    ("goodfellow_1d_default", "goodfellow_1d"),
    ("optimal_discriminator", "optimal_discriminator"),
    ("gradient_vanishing", "gradient_vanishing"),
    ("gradient_vanishing_mnist", "gradient_vanishing --data mnist"),
    ("five_orders", "five_orders"),
    ("dirac_gan", "dirac_gan"),
    ("frozen_players", "frozen_players"),
    ("classifier_mnist", "classifier"),
    ("classifier_cifar10", "classifier --data cifar10"),
    ("goodfellow_mnist", "goodfellow_mnist"),
    ("parzen_critique", "parzen_critique"),
    ("mnist_dcgan", "mnist_dcgan"),
    ("cifar_dcgan", "cifar_dcgan"),
    ("stacked_mnist", "stacked_mnist"),
    ("advice", "advice"),
    ("conditional", "conditional --seeds 3"),
    ("vae", "vae --seeds 3"),
    ("adversarial_examples", "adversarial_examples --seeds 3"),
    ("cyclegan", "cyclegan --seeds 3"),
    ("style_transfer", "style_transfer --seeds 3"),
    ("sample", "sample --run runs/mnist_dcgan"),
    ("pytorch_dcgan", "pytorch_dcgan"),
    ("killed_runs", "killed_runs"),
    ("killed_runs_two_processes", "killed_runs --processes 2 --kills 6 --steps 300 --wait 3"),
    ("scaling", "scaling"),
    ("rough_day", "rough_day"),
    ("benchmark_toy", "benchmark --rounds 20"),
    ("benchmark_images", "benchmark images --no-compiled"),
    ("benchmark_device", "benchmark device"),
)


def commands() -> str:
    """What can be run, and which question each answers."""
    rows = [[f"`{command}`", question or rough_day(), minutes(name)] for name, command, question in COMMANDS]
    return table(["`.venv/bin/python -m experiments.` +", "the question it answers", "minutes on 2 cores"], rows)


def rough_day() -> str:
    """The counts, as one row of the first page."""
    n = result("rough_day")["numbers"]["counts"]
    return (
        f"Does each command end well? {n['interruptions']} Ctrl-Cs, {n['starved_runs']} runs without disk, memory or a "
        f"place: {n['hangs']} hangs, {n['tracebacks']} tracebacks, {n['foreign_files_lost']} files of others lost"
    )


def tiers() -> str:
    """Every command, and those of its options that take much longer or much shorter."""
    rows = [[f"`.venv/bin/python -m experiments.{command}`", minutes(name)] for name, command in VARIANTS]
    return table(["command", "minutes on 2 CPU cores"], rows)


def minutes(name: str) -> str:
    """The seconds of a run that was resumed are those of its last part; its training's are those of all parts."""
    found = result(name)
    return f"{max(found['seconds'], found['numbers'].get('training_seconds', 0)) / 60:.1f}"


def speed() -> str:
    """The toy benchmark."""
    return benchmark_table("benchmark_toy", "GAN steps per second", 0)


def image_speed() -> str:
    """The DCGANs' benchmark."""
    return benchmark_table("benchmark_images", "images per second", 2)


def benchmark_table(name: str, unit: str, digits: int) -> str:
    benchmark = result(name)
    rows = []
    for group, contenders in benchmark["numbers"]["groups"].items():
        for contender, row in contenders.items():
            span = f"{row['slowest_round']:,.0f} to {row['fastest_round']:,.0f}"
            ratio = f"{row['times_pytorch']:.{max(digits, 1)}f}"
            rows.append([group, contender, f"{row['per_second']:,.0f}", span, ratio])
    pytorch = f"times the best of PyTorch {benchmark['numbers']['pytorch']}"
    return table([benchmark["device"], "", f"{unit}, median", "range over rounds", pytorch], rows)


def image_shares() -> str:
    """What the operations of a step of each DCGAN are for."""
    found = result("benchmark_images")["numbers"]["shares"]
    kinds = list(next(iter(found.values())))
    rows = [[kind, *(f"{100 * of_network[kind]:.1f}" for of_network in found.values())] for kind in kinds]
    return table(["% of the time of all operations", *found], rows)


def rough_day_counts() -> str:
    """What each command did on its rough day."""
    counts = result("rough_day")["numbers"]["counts"]
    rows = [[name.removesuffix("_s").replace("_", " ") + " [s]" * name.endswith("_s"), f"{value:g}"]
            for name, value in counts.items()]  # fmt: skip
    return table(["", ""], rows)


FUNCTIONS = (rough_day_counts, commands, tiers, speed, image_speed, image_shares)
TABLES = {function.__name__: function for function in FUNCTIONS}
