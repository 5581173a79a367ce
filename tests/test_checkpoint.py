"""What is saved comes back to the bit; what is damaged, foreign or missing is named; a failed save costs nothing."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_from_scratch import checkpoint, networks, remedies, train
from gan_from_scratch.distributions import Uniform

OPTIMIZER = optax.chain(optax.adam(1e-3), remedies.average_parameters(0.9))
GAN = train.GAN(
    networks.Generator((4,)),
    networks.Discriminator((4, 4), batch_norm=True),
    OPTIMIZER,
    OPTIMIZER,
    Uniform().sample,
    batch=8,
)


def made(step: int, seed: int = 0) -> checkpoint.Checkpoint:
    state = train.init(GAN, jax.random.key(seed))._replace(step=jnp.int32(step))
    history = {"loss_d": np.linspace(0, 1, step, dtype=np.float32), "frames": np.full((step, 2, 2), 7, np.uint8)}
    return checkpoint.Checkpoint(step, state, history, {"seed": seed, "classes": ["frog"], "rate": 2e-4, "none": None})


def same(one, other) -> bool:
    leaves = [jax.tree.leaves(tree) for tree in (one, other)]
    return jax.tree.structure(one) == jax.tree.structure(other) and all(
        np.asarray(a).dtype == np.asarray(b).dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes()
        for a, b in zip(*leaves, strict=True)
    )


def test_what_is_saved_comes_back_to_the_bit(tmp_path):
    saved = made(3)
    checkpoint.save(tmp_path / "new" / "folder", saved)
    found = checkpoint.load(tmp_path / "new" / "folder", made(0, seed=1).state)
    assert found.step == 3 and found.about == saved.about
    assert same(found.state, saved.state) and same(found.history, saved.history)
    assert isinstance(found.state, train.GANState)
    assert checkpoint.about(tmp_path / "new" / "folder") == saved.about


def test_the_newest_counts_and_one_older_is_kept(tmp_path):
    for step in (1, 5, 9):
        checkpoint.save(tmp_path, made(step, seed=step))
    assert checkpoint.newest(tmp_path) == 9
    assert checkpoint.load(tmp_path, made(0).state).about["seed"] == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["5", "9"]


@pytest.mark.parametrize("create", [False, True])
def test_a_missing_checkpoint_is_named(tmp_path, create):
    folder = tmp_path / "runs"
    if create:
        folder.mkdir()
    assert checkpoint.newest(folder) is None
    for call in (lambda: checkpoint.about(folder), lambda: checkpoint.load(folder, made(0).state)):
        with pytest.raises(FileNotFoundError, match=r"runs has no complete checkpoint"):
            call()
    assert folder.exists() == create


def biggest_file(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


DAMAGES = pytest.mark.parametrize(
    "damage",
    [
        lambda folder: os.truncate(biggest_file(folder / "state"), 10),
        lambda folder: biggest_file(folder / "state").unlink(),
        lambda folder: shutil.rmtree(folder / "history"),
        lambda folder: (folder / "about" / "metadata").write_text("{"),
    ],
    ids=["truncated", "file missing", "item missing", "no JSON"],
)


@DAMAGES
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    checkpoint.save(tmp_path, made(2))
    damage(tmp_path / "2")
    with pytest.raises(OSError, match=r"/2 is damaged \("):
        checkpoint.load(tmp_path, made(0).state)


@DAMAGES
def test_the_older_one_takes_the_place_of_a_damaged_one(tmp_path, damage):
    """And the run that goes on from it can save that step again, and later ones."""
    for step in (1, 2):
        checkpoint.save(tmp_path, made(step, seed=step))
    damage(tmp_path / "2")
    with pytest.warns(UserWarning, match=r"/2 is damaged \(.*the checkpoint of step 1 takes its place"):
        found = checkpoint.load(str(tmp_path), made(0).state)
    assert found.step == 1 and same(found.state, made(1, seed=1).state)
    for step in (2, 3):
        checkpoint.save(tmp_path, made(step, seed=step + 10))
        assert checkpoint.load(tmp_path, made(0).state).about["seed"] == step + 10


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    checkpoint.save(tmp_path, made(2))
    wider = train.GAN(networks.Generator((5,)), GAN.discriminator, OPTIMIZER, OPTIMIZER, Uniform().sample, batch=8)
    with pytest.raises(ValueError, match=r"this network.* \(g/\S+ is float32\[\d.*\] there and float32\[\d.*\] here\)"):
        checkpoint.load(tmp_path, train.init(wider, jax.random.key(0)))


def test_a_checkpoint_of_another_run_is_refused_with_the_fields_named():
    about = made(1).about
    checkpoint.refuse_another(about, about)
    with pytest.raises(ValueError) as error:
        checkpoint.refuse_another(about, {"seed": 0, "rate": 1e-3, "none": None, "classes": ["frog"], "k": 2})
    assert "k is 2 here and None there, rate is 0.001 here and 0.0002 there" in str(error.value)
    assert "seed" not in str(error.value) and "classes" not in str(error.value)


def test_a_failed_save_is_named_and_keeps_the_earlier_checkpoint(tmp_path):
    """No file may grow beyond 2,000 bytes, which is what a full disk looks like from here."""
    checkpoint.save(tmp_path, made(1))
    code = """
import resource, sys
from pathlib import Path
from test_checkpoint import checkpoint, made
large = made(2)._replace(history={"frames": __import__("numpy").random.default_rng(0).bytes(10**6)})
large = large._replace(history={"frames": __import__("numpy").random.default_rng(0).integers(0, 256, 10**6)})
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    checkpoint.save(Path(sys.argv[1]), large)
except OSError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    assert f"{tmp_path}: the checkpoint of step 2 could not be written, the one of step 1 is kept" in done.stdout
    assert done.stderr == "" and done.stdout.count("\n") == 1
    assert checkpoint.newest(tmp_path) == 1
    assert same(checkpoint.load(tmp_path, made(0).state).state, made(1).state)


def test_the_same_step_can_be_saved_again_and_again_and_stays_where_that_fails(tmp_path, monkeypatch):
    for seed in (1, 2, 3):
        checkpoint.save(tmp_path, made(2, seed=seed))
        assert checkpoint.load(tmp_path, made(0).state).about["seed"] == seed
    assert [path.name for path in tmp_path.iterdir()] == ["2"]

    def full(*trees):
        raise OSError(28, "No space left on device")

    for place in ("_check_room", "_manager"):
        with monkeypatch.context() as patched:
            newest = checkpoint.newest
            patched.setattr(checkpoint, "newest", lambda folder: 2)
            patched.setattr(checkpoint, place, full)
            with pytest.raises(OSError, match=r"the one of step 2 is kept: .*No space left"):
                checkpoint.save(tmp_path, made(2, seed=4))
        assert newest(tmp_path) == 2 and checkpoint.load(tmp_path, made(0).state).about["seed"] == 3
        assert [path.name for path in tmp_path.iterdir() if "orbax" not in path.name] == ["2"]


def test_killed_while_saving_the_newest_complete_checkpoint_loads(tmp_path):
    """A process saves one checkpoint after another and is killed at moments that chance picks."""
    code = """
import sys
from pathlib import Path
from test_checkpoint import checkpoint, made
first = (checkpoint.newest(Path(sys.argv[1])) or 0) + 1
for step in range(first, first + 1000):
    checkpoint.save(Path(sys.argv[1]), made(step, seed=step))
    print(step, flush=True)
"""
    rng, last = np.random.default_rng(int.from_bytes(os.urandom(4))), 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True
        )
        for _ in range(rng.integers(1, 4)):
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        last = max([last, *map(int, rest.split())])
        found = checkpoint.load(tmp_path, made(0).state)
        assert found.step in (last, last + 1)  # one more may be complete and not yet reported
        assert same(found.state, made(found.step, seed=found.step).state)
