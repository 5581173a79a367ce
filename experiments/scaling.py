"""One run on many devices: is it the same, and how many are enough? (by default a minute or two on 2 cores).

Computed: the work of a step, and its time by roofline on named devices. Measured: on this machine's devices, or on
virtual ones of its CPU, how far a run is from the same run on one device, and what the devices tell each other. Writes
result.json.
"""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import jax

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import progress_bar
from experiments.command.quick import at_most
from experiments.command.results import counted, save_result
from experiments.image_runs.settings import DIGITS, FROGS, Training
from experiments.timing import plans, virtual
from experiments.timing.collectives import collectives
from experiments.timing.peaks import VENDORS, measure
from experiments.timing.roofline import LATENCIES, Device, enough, seconds
from experiments.timing.work import of_a_step
from gan_from_scratch import check, data
from gan_from_scratch.images.networks import image_levels

COMMANDS = {"mnist_dcgan": ("mnist", DIGITS), "cifar_dcgan": ("cifar10", FROGS)}
NUMBERS = (2, 4, 8, 16, 32, 64)  # of devices: those that share the commands' own batch equally
BATCHES = (64, 512, 4096)  # the commands' own, and two for devices that it would not fill
FLOAT32, BFLOAT16 = 4, 2  # bytes
# By their names in peaks.py, with the bytes/s of their links to each other, one way, and how many devices these join:
# half of NVLink's 900 GB/s in an HGX board of 8 (data sheets); half of what Google gives for both ways, in a pod of 256
# (Cloud TPU documentation).
NAMED = {
    "H100": ("NVIDIA H100 80GB HBM3", 450e9, 8),
    "H200": ("NVIDIA H200", 450e9, 8),
    "TPU v5e": ("TPU v5e", 200e9, 256),
    "TPU v6e": ("TPU v6e", 400e9, 256),
}


@dataclass(frozen=True)
class Config:
    """What is computed needs no settings; these are of what is measured."""

    devices: int = 8
    """Devices that share the run, 2, 4, 8, 16, 32 or 64; on a CPU so many virtual ones."""
    batch: int = 16
    """Images in a batch, a multiple of devices."""
    width: int = 8
    """Channels of the layers nearest to the image."""
    size: int = 28
    """Pixels along a side of the images, 28 or less; 4 or 7 times 2, 4, ..."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/scaling")
    """Folder for result.json."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 16 images of 8 x 8 in a batch, width 2, 20 steps."""

    def __post_init__(self):
        for name in ("devices", "batch", "width", "size"):
            check.positive_integer(name, getattr(self, name))
        check.seed("seed", self.seed)
        if self.devices not in NUMBERS:
            raise ValueError(f"devices is {self.devices}, but must be one of {', '.join(map(str, NUMBERS))}")
        if self.quick:
            at_most(self, batch=16, width=2, size=8)
        if self.batch % self.devices or self.batch == self.devices:
            raise ValueError(f"batch is {self.batch}, but must be a multiple of devices, {self.devices}, and larger")
        image_levels(self.size)
        if self.size > 28:
            raise ValueError(f"size is {self.size}, but must be at most 28, that of the made-up digits")


def main(config: Config) -> None:
    """Work of a step -> its time on named devices -> the same run on one device and on several."""
    started = time.perf_counter()
    devices = virtual.at_hand(config.devices)
    prepare_folder(config.out, "scaling", ("result.json",))
    networks = virtual.networks(config.batch, config.width)
    rounds = {dtype: of[: 2 if config.quick else None] for dtype, of in virtual.ROUNDS.items()}
    machines = named_and_here(config.quick)
    numbers = {
        "devices": devices,
        "machines": [asdict(machine) for machine in machines],
        "latencies": LATENCIES,
        "plan": {},
        "compared": {},
    }
    with progress_bar() as bar:
        total = 1 + len(COMMANDS) + len(rounds) * len(networks)
        task = bar.add_task("scaling", total=total, numbers="draws")
        numbers["same_draws"] = virtual.same_draws(next(iter(networks.values())), config.size, config.seed, devices)
        bar.update(task, advance=1, numbers="what devices tell each other: compiling")
        for command, (name, training) in COMMANDS.items():
            width = min(training.width, config.width) if config.quick else training.width
            step = virtual.compiled_step(name, replace(training, width=width), config.seed, devices)
            numbers["plan"][command] = plan(name, training, machines, collectives(step))
            bar.update(task, advance=1, numbers="one device beside several: compiling")
        for name, training in networks.items():
            for dtype, found in virtual.compare(training, config.size, config.seed, devices, rounds):
                numbers["compared"].setdefault(name, {})[dtype] = found
                bar.update(task, advance=1, numbers=f"{name}, {dtype}")
    save_result(config.out, config, started, numbers)
    report(numbers, config.out)


def named_and_here(quick: bool) -> list[Device]:
    """The named devices in bfloat16, by their vendors; this machine's first device in float32, as measured."""
    found = [Device(name, VENDORS[kind].bfloat16, VENDORS[kind].bandwidth, BFLOAT16, link, most)
             for name, (kind, link, most) in NAMED.items()]  # fmt: skip
    sizes = plans.plan_for(jax.default_backend() != "cpu", quick)
    here = measure(sizes.product_size, sizes.copied, rounds=3, seconds=0.3)
    return [*found, Device("this machine", here.float32, here.bandwidth, FLOAT32)]


def plan(name: str, training: Training, machines: list[Device], told_as: list[tuple[str, list[str], int]]) -> dict:
    """What a step of a command's networks asks of each device, and how many of them are enough."""
    shape, rows = data.SHAPES[name], []
    works = {each: of_a_step(training, shape, each) for each in {device.bytes_each for device in machines}}
    told = FLOAT32 * works[FLOAT32].parameters  # each gradient once
    for device in machines:
        work = works[device.bytes_each]
        for batch in BATCHES:
            alone = seconds(work, device, batch, 1, told, 0, 0.0)
            found = {
                str(latency): enough(work, device, batch, told, len(told_as), latency)
                for latency in LATENCIES
                if device.most > 1
            }
            rows.append({"device": device.name, "batch": batch, **alone, "enough": found})
    return {
        "works": {str(each): asdict(work) for each, work in works.items()},
        "told": told,
        "collectives": told_as,
        "rows": rows,
    }


def report(numbers: dict, out: Path) -> None:
    """Whether the runs are the same, and the plan of the commands' own batch."""
    print(f"{numbers['devices']} devices; results in {out}")
    print(f"noise and images are {'' if numbers['same_draws'] else 'not '}the same bits on each number of devices")
    for name, by_type in numbers["compared"].items():
        for dtype, rounds in by_type.items():
            apart = "  ".join(f"{found['norm_of_difference']:.0e} after {step}" for step, found in rounds.items())
            print(f"{name}, {dtype}: parameters apart by {apart} steps")
    for command, of in numbers["plan"].items():
        kinds = counted(len(of["collectives"]), "collective")
        print(
            f"{command}: {kinds} in a step, of which {len(all_reduces(of))} all-reduces; computed, batch {BATCHES[0]}:"
        )
        for row in of["rows"]:
            if row["batch"] == BATCHES[0]:
                enough_of_them = " or ".join(dict.fromkeys(str(n) for n in row["enough"].values()))
                many = f"; {enough_of_them} of them are enough" if enough_of_them else ""
                print(f"  {row['device']:14}{1e6 * row['step']:12,.0f} us a step{many}")


def all_reduces(of: dict) -> list[int]:
    """Bytes of each."""
    return [size for kind, _, size in of["collectives"] if kind == "all-reduce"]


if __name__ == "__main__":
    command_line(Config, main, __doc__)
