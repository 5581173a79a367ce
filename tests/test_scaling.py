"""The image runs on eight virtual devices, and the arithmetic of what a step asks of a device."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from itertools import pairwise

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.image_runs.gan import build
from experiments.image_runs.settings import DIGITS, FROGS
from experiments.scaling import COMMANDS
from experiments.timing.collectives import collectives
from experiments.timing.costs import flops_of_a_step
from experiments.timing.roofline import Device, enough, seconds
from experiments.timing.work import Work, of_a_step, players
from gan_from_scratch import data, train


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict:
    """The numbers of `scaling --quick`: DCGANs' steps on one device and on eight."""
    out = tmp_path_factory.mktemp("scaling")
    command = [sys.executable, "-m", "experiments.scaling", "--quick", f"--out={out}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "result.json").read_text())["numbers"]


def test_the_draws_are_the_same_bits_on_1_2_4_and_8_devices(found):
    assert found["devices"] == 8 and found["same_draws"] is True


def test_a_step_on_eight_devices_is_a_step_on_one(found):
    """With dropout and shifted images, BatchNorm or R1; twenty steps in float64, whose rounding stays small."""
    assert len(found["compared"]) == 2
    for by_type in found["compared"].values():
        assert by_type["float32"]["1"]["norm_of_difference"] < 1e-5
        assert by_type["float64"]["20"]["norm_of_difference"] < 1e-9
        assert all(rounds["1"]["norm"] > 1 for rounds in by_type.values())


def test_devices_tell_each_other_sums_and_nothing_else(found):
    """All-reduces of float32 alone: G's gradient, D's on real and on fake images, and little beside them.

    A batch of images would be a quarter more on digits, and twelve times as much on photographs.
    """
    for (name, training), of in zip(COMMANDS.values(), found["plan"].values(), strict=True):
        kinds, types, sizes = zip(*of["collectives"], strict=True)
        assert {*kinds} == {"all-reduce"} and all(each == ["f32"] for each in types)
        small = replace(training, width=2)
        g, d = (sum(layer.weights for layer in player) for player in players(small, data.SHAPES[name]))
        assert 4 * (g + 2 * d) <= sum(sizes) < 1.15 * 4 * (g + 2 * d)
        assert len(sizes) == 22


def test_a_collective_is_found_in_a_program_that_has_one():
    text = """
      %all-gather.1 = u8[16,32,32,3]{3,2,1,0} all-gather(%x), channel_id=1
      ROOT %r = (f32[16]{0}, bf16[2,3]{1,0}, /*index=2*/pred[]) all-reduce(%a, %b, %c), replica_groups={}
      %s = f32[4]{0} all-reduce-start(%a), channel_id=3
      %not = f32[9]{0} add(%all-reduce.3, %y), metadata={op_name="all-reduce"}
    """
    program = type("Compiled", (), {"as_text": lambda self: text})()
    assert collectives(program) == [
        ("all-gather", ["u8"], 16 * 32 * 32 * 3),
        ("all-reduce", ["bf16", "f32", "pred"], 64 + 12 + 1),
        ("all-reduce", ["f32"], 16),
    ]


@pytest.mark.parametrize(("training", "shape"), [(DIGITS, (28, 28, 1)), (FROGS, (32, 32, 3))])
def test_the_work_of_a_step_is_what_xla_counts(training, shape):
    """In bfloat16 each convolution is one product, whose FLOPs XLA counts; what it counts beside them is small."""
    training = replace(training, batch=16, width=16, hidden=training.hidden and 32, dtype="bfloat16", shift=0)
    gan = build(training, shape)
    xla = flops_of_a_step(gan, shape)
    work = of_a_step(training, shape, 2)
    products = training.batch * work.flops
    assert products < xla < 1.25 * products
    state = jax.eval_shape(partial(train.init, gan), jax.random.key(0))
    own = sum(leaf.size for leaf in jax.tree.leaves((state.g.params, state.d.params)))
    assert work.parameters < own < 1.02 * work.parameters


@given(st.sampled_from([4, 7]), st.integers(1, 4), st.integers(1, 4), st.integers(0, 9), st.booleans())
def test_layers_of_both_players_follow_each_other(base, levels, width, hidden, colour):
    size, channels = base * 2**levels, 3 if colour else 1
    training = replace(DIGITS, width=width, hidden=hidden)
    g, d = players(training, (size, size, channels))
    for player in (g, d):
        assert all(before.outputs == after.inputs for before, after in pairwise(player))
    assert g[-1].outputs == d[0].inputs == size**2 * channels
    assert g[0].inputs == training.noise_dim and d[-1].outputs == 1


RATES = st.floats(1e9, 1e15)
DEVICES = st.builds(Device, st.just("one"), RATES, RATES, st.just(2), RATES, st.sampled_from([1, 8, 256]))
WORKS = st.builds(Work, *[st.integers(1, 10**9)] * 4)


@given(WORKS, DEVICES, st.sampled_from([64, 512]), st.integers(1, 40), st.floats(0, 1e-3))
def test_more_devices_than_enough_save_less_than_a_tenth(work, device, batch, all_reduces, latency):
    told = 4 * work.parameters
    time = partial(seconds, work, device, batch, told=told, all_reduces=all_reduces, latency=latency)
    found = enough(work, device, batch, told, all_reduces, latency)
    shortest = min(time(n=2**i)["step"] for i in range(min(batch, device.most).bit_length()))
    assert 0.9 * time(n=found)["step"] <= shortest
    assert all(0.9 * time(n=2**i)["step"] > shortest for i in range(found.bit_length() - 1))
    alone, many = time(n=1), time(n=batch)
    assert alone["telling"] == 0 and many["telling"] >= all_reduces * latency
    np.testing.assert_allclose(many["products"] * batch, alone["products"], rtol=1e-12)


def test_where_telling_is_free_more_devices_are_faster_until_parameters_alone_are_left():
    work = Work(flops=10**9, bytes_for_an_image=10**6, bytes_for_parameters=1, parameters=1)
    assert enough(work, Device("one", 1e15, 1e12, 2, 1e11, 256), 64, told=0, all_reduces=1, latency=0.0) == 64
    assert enough(work, Device("one", 1e15, 1e12, 2, 1e11, 256), 64, told=0, all_reduces=1, latency=1.0) == 1
