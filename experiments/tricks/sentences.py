"""The sentences, who says them, and the two runs of each: with the advice and without it."""

from dataclasses import dataclass

from experiments.tricks.variations import Variation

RADFORD = "Radford et al. 2016"
FIRST, SECOND = "Chollet 2017, Deep Learning with Python", "Chollet 2021, its second edition"
SALIMANS, ODENA, HACKS = "Salimans et al. 2016", "Odena et al. 2016", "Chintala et al. 2016, How to train a GAN"
FOLKLORE, AGAINST = "folklore", "folklore; Chintala et al. 2016 advise against it"
BASELINE = "baseline"

# Every run of the table by its name. A name is also that of its files.
RUNS = {
    BASELINE: Variation(),
    "sigmoid": Variation(end="sigmoid"),
    "uniform-noise": Variation(noise="uniform"),
    "saturating": Variation(loss="saturating"),
    "dropout-d-2": Variation(dropout_d=0.2),
    "dropout-d-4": Variation(dropout_d=0.4),
    "dropout-g-5": Variation(dropout_g=0.5),
    "dropout-both-5": Variation(dropout_d=0.5, dropout_g=0.5),
    "label-noise": Variation(label_noise=0.05),
    "smoothing": Variation(smoothing=0.1),
    "smoothing-both": Variation(smoothing=0.1, smoothing_fake=0.1),
    "flipped-labels": Variation(flipped=0.05),
    "relu-d": Variation(activation_d="relu"),
    "leaky-relu-g": Variation(activation_g="leaky_relu"),
    "max-pooling": Variation(down="max"),
    "mean-pooling": Variation(down="mean"),
    "upsampling": Variation(up="repeated"),
    "no-norm-d": Variation(norm_d=False),
    "no-norm-g": Variation(norm_g=False),
    "no-norm": Variation(norm_g=False, norm_d=False),
    "mixed-batches": Variation(mixed=True),
    "momentum-9": Variation(b1=0.9),
    "rmsprop": Variation(optimizer="rmsprop"),
    "glorot": Variation(glorot=True),
    "kernel-5": Variation(kernel=5),
    "d-twice-as-fast": Variation(rate_d=4e-4),
    "slowed-d": Variation(slow_below=1.0),
    "skipped-d": Variation(skip_below=1.0),
    "k-2": Variation(k=2),
    "clipping": Variation(clip=1.0),
    "instance-noise": Variation(instance_noise=0.1),
    "average": Variation(average=0.99),
}


@dataclass(frozen=True)
class Sentence:
    """`advised` and `otherwise` are names of RUNS."""

    text: str
    source: str
    advised: str = BASELINE
    otherwise: str = BASELINE


SENTENCES = {
    "tanh": Sentence("G ends in tanh, data in [-1, 1]; not in a sigmoid, data in [0, 1]", HACKS, otherwise="sigmoid"),
    "gaussian": Sentence("Draw z from a Gaussian, not from a cube", HACKS, otherwise="uniform-noise"),
    "nonsaturating": Sentence("Let G descend -log D, not log(1 - D)", "Goodfellow et al. 2014", otherwise="saturating"),
    "dropout-d-2": Sentence("Drop .2 of D's last units", SECOND, "dropout-d-2"),
    "dropout-d-4": Sentence("Drop .4 of D's last units", FIRST, "dropout-d-4"),
    "dropout-g": Sentence("Drop .5 of G's hidden units, at sampling time too", HACKS, "dropout-g-5"),
    "dropout-both": Sentence("Drop .5 in both players", FOLKLORE, "dropout-both-5"),
    "label-noise": Sentence("Add noise of .05 to D's labels", FIRST, "label-noise"),
    "smoothing": Sentence("Smooth the real labels to .9", SALIMANS, "smoothing"),
    "one-side": Sentence("Smooth one side only, not the fakes' labels too", SALIMANS, "smoothing", "smoothing-both"),
    "flipped-labels": Sentence("Flip a twentieth of D's labels at random", HACKS, "flipped-labels"),
    "leaky-relu-d": Sentence("LeakyReLU in D, not ReLU", RADFORD, otherwise="relu-d"),
    "leaky-relu-g": Sentence("LeakyReLU in G, not ReLU", HACKS, "leaky-relu-g"),
    "no-max-pooling": Sentence("Strides in D, no kernels of 3 and max pooling", RADFORD, otherwise="max-pooling"),
    "no-mean-pooling": Sentence("Strides in D, no kernels of 3 and mean pooling", RADFORD, otherwise="mean-pooling"),
    "upsampling": Sentence("Repeat pixels, kernels of 3; no transposed convolutions", ODENA, "upsampling"),
    "norm-d": Sentence("BatchNorm in D", RADFORD, otherwise="no-norm-d"),
    "norm-g": Sentence("BatchNorm in G", RADFORD, otherwise="no-norm-g"),
    "norm": Sentence("BatchNorm in both players, not in none", RADFORD, otherwise="no-norm"),
    "separate-batches": Sentence("Real and fake images in separate batches for D", HACKS, otherwise="mixed-batches"),
    "momentum-5": Sentence("Adam's momentum .5, not .9", RADFORD, otherwise="momentum-9"),
    "rmsprop": Sentence("RMSprop, not Adam", FIRST, "rmsprop"),
    "small-weights": Sentence("First weights from N(0, .02), not Glorot's", RADFORD, otherwise="glorot"),
    "kernel-4": Sentence("Kernels of 4, a multiple of the stride 2, not of 5", FIRST, otherwise="kernel-5"),
    "two-rates": Sentence("Let D learn twice as fast as G", "Heusel et al. 2017, section 2", "d-twice-as-fast"),
    "slowed-d": Sentence("A tenth of D's rate while its loss is below 1 nat", AGAINST, "slowed-d"),
    "skipped-d": Sentence("No step of D while its loss is below 1 nat", AGAINST, "skipped-d"),
    "k-2": Sentence("Two steps of D for each of G", HACKS, "k-2"),
    "clipping": Sentence("Clip each entry of a gradient at 1", FIRST, "clipping"),
    "instance-noise": Sentence("Noise on all images that D sees, fading", "Sonderby et al. 2017", "instance-noise"),
    "average": Sentence("Sample from a running average of G, memory .99", "Yazici et al. 2019", "average"),
}  # fmt: skip

# For CIFAR-10's frogs, whose steps take longer.
FROGS = (
    "nonsaturating",
    "dropout-d-4",
    "label-noise",
    "smoothing",
    "leaky-relu-d",
    "no-max-pooling",
    "upsampling",
    "norm-d",
    "momentum-5",
    "skipped-d",
    "instance-noise",
)


def runs_for(names: tuple[str, ...]) -> list[str]:
    """The runs that these sentences compare, each once, the baseline first."""
    used = {run for name in names for run in (SENTENCES[name].advised, SENTENCES[name].otherwise)}
    return sorted(used, key=lambda run: list(RUNS).index(run))
