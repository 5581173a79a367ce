"""Several processes are one run: the same numbers as one process, one checkpoint of all, and none is left waiting."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from experiments import killed_runs
from experiments.command.machines import Machines, in_a_job

# FOLDER, 1 to begin with that checkpoint or 0, and of several processes the coordinator, their number and which it is.
SCRIPT = """
import json, sys
import jax, numpy as np, optax
folder, resumed, *meeting = sys.argv[1:]
if meeting:
    jax.distributed.initialize(meeting[0], int(meeting[1]), int(meeting[2]), heartbeat_timeout_seconds=20)
from gan_from_scratch import checkpoint, networks, train
from gan_from_scratch.parallel.mesh import Spread, at_home, everywhere, mesh, put, spread

def draw(key, n):
    return jax.random.normal(key, (n, 1))

# A usual eps would let the rounding of a bias before BatchNorm count, whose gradient is 0.
adam, over = optax.adam(1e-2, eps=1e-3), mesh()
gan = train.GAN(networks.Generator((8,)), networks.Discriminator((8, 8), batch_norm=True), adam, adam, draw, batch=16)
state = jax.tree.map(
    lambda leaf: np.asarray(leaf, float if leaf.dtype == np.float32 else None), train.init(gan, jax.random.key(0))
)
state, begun = put(state, everywhere(over)), None
if resumed == "1":
    state = checkpoint.load(folder, state).state
    begun = [leaf.tobytes().hex() for leaf in jax.tree.leaves(jax.device_get(at_home(state)))]
state, _ = train.train(spread(gan, over), state, Spread(draw, over), jax.random.key(1), 20)
home = jax.device_get(at_home(state))
if resumed == "0":
    checkpoint.save(folder, checkpoint.Checkpoint(20, state, {"loss": np.zeros(20)}, {"devices": over.size}))
if jax.process_index() == 0:
    params = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves((home.g.params, home.d.params))])
    ended = [leaf.tobytes().hex() for leaf in jax.tree.leaves(home)]
    print(json.dumps({"params": params.tolist(), "ended": ended, "begun": begun, "devices": over.size}))
jax.distributed.shutdown()
"""


ROUNDING = 1e-10  # what 40 steps of the game make of float64's 1e-16; another sum would move parameters by 1e-3

TOGETHER = """
import sys
from experiments.command.machines import Machines, agreed, first, join, part, same_in_all
join(Machines(None, sys.argv[1], 2, int(sys.argv[2])) if len(sys.argv) > 1 else Machines())
print("first" if first() else "another", agreed(not first()), agreed(False), flush=True)
same_in_all("x", 7)
try:
    same_in_all("the checkpoint", 20 if first() else 40)
except OSError as error:
    print(error, flush=True)
part()
"""


def a_free_port() -> str:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return f"localhost:{free.getsockname()[1]}"


def ended(processes: int, folder: Path, resumed: bool) -> dict:
    """What process 0 says of a run of 20 steps on four devices, which so many processes share."""
    coordinator = a_free_port()
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={4 // processes}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_ENABLE_X64": "1"}
    started = []
    for i in range(processes):
        meeting = [coordinator, str(processes), str(i)] if processes > 1 else []
        command = [sys.executable, "-c", SCRIPT, str(folder), str(int(resumed)), *meeting]
        # One after another's folder of compiled programs: two may not write one entry at once.
        own = environment | {"JAX_COMPILATION_CACHE_DIR": f"{os.environ['JAX_COMPILATION_CACHE_DIR']}/process_{i}"}
        started.append(subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    said = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * processes, said
    return json.loads(said[0][0].strip().splitlines()[-1])


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, dict]:
    """Of one process and of two: a beginning, and what goes on from the other's checkpoint."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    return {
        "one": ended(1, one, False),
        "two": ended(2, two, False),
        "one from two": ended(1, two, True),
        "two from one": ended(2, one, True),
    }


def test_two_processes_of_two_devices_are_one_of_four(runs):
    assert runs["one"]["devices"] == runs["two"]["devices"] == 4
    np.testing.assert_allclose(runs["two"]["params"], runs["one"]["params"], rtol=0, atol=ROUNDING)


def test_a_checkpoint_of_two_processes_is_resumed_by_one_and_the_other_way_round(runs):
    assert runs["one from two"]["begun"] == runs["two"]["ended"]
    assert runs["two from one"]["begun"] == runs["one"]["ended"]
    np.testing.assert_allclose(runs["two from one"]["params"], runs["one from two"]["params"], rtol=0, atol=ROUNDING)
    moved = np.subtract(runs["two from one"]["params"], runs["one"]["params"])
    assert np.abs(moved).max() > 1e-3


def test_where_one_process_is_killed_the_other_ends_and_the_run_goes_on(tmp_path, cache, capfd, monkeypatch):
    """SIGKILL after a checkpoint of both; the end is that of the two left alone, to the bit."""
    monkeypatch.setenv("XLA_FLAGS", f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2")
    killed_runs.main(killed_runs.Config(kills=1, steps=40, wait=0.0, processes=2, out=tmp_path, cache=cache))
    numbers = json.loads((tmp_path / "result.json").read_text())["numbers"]
    assert numbers["same_as_the_run_left_alone"] and numbers["kills"][0]["loaded_step"] == 20
    assert numbers["longest_until_others_ended"] < killed_runs.PATIENCE
    told = capfd.readouterr().err
    assert "another process of this run may be gone" in told or "another task died" in told
    assert "Traceback" not in told


def test_sigterm_to_one_process_ends_both_with_the_same_checkpoint(tmp_path, cache):
    """130 from both, after one more checkpoint than there was, which the run can go on from."""
    running = killed_runs.started_together(killed_runs.command(tmp_path, 10_000, 20, cache), 2)
    try:
        while not killed_runs.complete_steps(tmp_path):
            assert running[0].poll() is None and running[1].poll() is None
            time.sleep(killed_runs.POLL)
        running[1].send_signal(signal.SIGTERM)
        assert [process.wait(killed_runs.PATIENCE) for process in running] == [130, 130]
    finally:
        for process in running:
            process.kill()
    assert max(killed_runs.complete_steps(tmp_path)) > 20


def said_together(arguments: list[list[str]], environments: list[dict[str, str]]) -> list[str]:
    started = [
        subprocess.Popen([sys.executable, "-c", TOGETHER, *own], env=env, stdout=subprocess.PIPE, text=True)
        for own, env in zip(arguments, environments, strict=True)
    ]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    return said


def test_only_process_0_prints_and_what_one_wants_all_agree_on():
    coordinator = a_free_port()
    first, another = said_together([[coordinator, str(i)] for i in range(2)], [dict(os.environ)] * 2)
    assert "first True False\nthe processes differ in the checkpoint: [20, 40]" in first
    assert another.strip() == f"waiting for 2 processes at {coordinator}"


def test_the_processes_of_a_slurm_step_find_each_other():
    """JAX makes the port from the job's number: 61440 + number modulo 4096."""
    number = next(n for n in range(os.getpid() % 4096, 2 * 4096) if is_free(61440 + n % 4096))
    step = {"SLURM_JOB_ID": str(number), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2", "SLURM_LOCALID": "0"}
    first, another = said_together([[], []], [os.environ | step | {"SLURM_PROCID": str(i)} for i in range(2)])
    assert "first True False" in first and another == ""


def test_a_process_that_waits_in_vain_ends_with_a_sentence():
    code = (
        "from experiments.command import machines; machines.MEETING = 1; "
        f"machines.join(machines.Machines(None, {a_free_port()!r}, 2, 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: not all processes met at localhost:")


@pytest.mark.parametrize(
    ("variables", "looked_for"),
    [
        ({}, True),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "0"}, True),
    ],
)
def test_a_pod_that_is_no_part_of_an_indexed_job_is_alone(variables, looked_for, monkeypatch):
    for name in ("KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert in_a_job() is looked_for


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("localhost", port)) != 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"coordinator": "localhost:1"}, "processes and process must be given too"),
        ({"processes": 2, "process": 0}, "coordinator must be given too"),
        (
            {"coordinator": "localhost", "processes": 2, "process": 0},
            "coordinator is 'localhost', but",
        ),
        ({"coordinator": "h:65536", "processes": 2, "process": 0}, "coordinator is 'h:65536', but its port"),
        ({"coordinator": "h:1", "processes": 2, "process": 2}, "process is 2, but must be below processes, 2"),
        ({"coordinator": "h:1", "processes": 0, "process": 0}, "processes is 0"),
        ({"coordinator": "h:1", "processes": 2, "process": -1}, "process is -1"),
        ({"devices": 0}, "devices is 0, but must be a whole number of at least 1"),
    ],
)
def test_what_cannot_meet_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Machines(**settings)
