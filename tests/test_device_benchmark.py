"""benchmark device: its arithmetic against closed forms, its layers against the networks', and what it leaves."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import benchmark
from experiments.image_runs.gan import build
from experiments.image_runs.settings import Training
from experiments.timing import costs, device, layers, peaks, plans, short_run, told
from experiments.timing.turns import Contender
from gan_from_scratch import data, distributions, networks, train
from gan_from_scratch.images.networks import DCGANDiscriminator, DCGANGenerator

MEASURED = peaks.Peaks(1e12, 2e12, 3e11, "measured here")
TIMING = device.Timing(rounds=1, seconds=0.001, seed=0)
IN_BFLOAT16 = {"library, bfloat16", "patches, bfloat16"}
TINY = replace(plans.QUICK, batches=(4,), layers_batch=2, layers_seconds=0.001, product_size=8, copied=64, run_batch=4)


def test_flops_of_a_step_are_those_of_its_products():
    """The hidden layer's: two forward in G and three in D; the gradient in its input and in its weights, each for both
    batches of D, and then, but for D's weights, through both players."""
    batch, hidden = 256, 128
    gan = train.GAN(
        generator=networks.Generator((hidden, hidden)), discriminator=networks.Discriminator((hidden, hidden)),
        optimizer_g=optax.sgd(0.1), optimizer_d=optax.sgd(0.1), sample_noise=distributions.Uniform().sample,
        batch=batch,
    )  # fmt: skip
    products = 2 + 3 + 2 * 2 + 3
    assert costs.flops_of_a_step(gan, (1,)) == pytest.approx(products * 2 * batch * hidden**2, rel=0.1)


def test_flops_of_a_step_are_those_of_the_form_of_its_convolutions():
    """On a CPU float32's have nine products for sixteen, where the channels suffice for that, and bfloat16's never."""
    shape = (16, 16, 3)
    few, many = (
        [costs.flops_of_a_step(build(Training(steps=1, batch=4, width=width, dtype=dtype), shape), shape)
         for dtype in peaks.DTYPES]
        for width in (2, 32)
    )  # fmt: skip
    assert few[0] == pytest.approx(few[1], rel=0.1)
    assert 9 / 16 < many[0] / many[1] < 0.95


def test_a_product_costs_what_its_shapes_say():
    n, k, m = 64, 128, 256
    compiled = jax.jit(jnp.matmul).lower(jnp.ones((n, k)), jnp.ones((k, m))).compile()
    assert compiled.cost_analysis()["flops"] == 2 * n * k * m
    assert costs.bytes_of_a_step(compiled) == 4 * (n * k + k * m + n * m)


def test_a_loop_costs_what_its_body_costs():
    """If XLA ever counts the body each time, the bytes of a chunk must be divided by its steps."""
    a = jnp.ones((64, 64))

    def cost(steps: int) -> float:
        loop = jax.jit(lambda a: jax.lax.scan(lambda c, _: (c @ a, None), a, length=steps)[0])
        return costs.bytes_of_a_step(loop.lower(a).compile())

    assert cost(20) == pytest.approx(cost(2), rel=0.02)
    assert cost(20) >= 3 * a.nbytes


def test_a_library_call_reads_and_writes_its_arrays():
    n = 32
    compiled = jax.jit(jnp.linalg.cholesky).lower(jnp.eye(n)).compile()
    assert "custom-call(" in compiled.as_text()
    assert costs.bytes_of_calls(compiled.as_text()) == 1 + 2 * 4 * n**2


def test_scratch_memory_of_a_convolution_is_nobody_s_data():
    program = (
        "  %x = bf16[2,8,8,3]{3,2,1,0} parameter(0)\n"
        "  %mask = pred[5]{0} parameter(1)\n"
        "  ROOT %conv.1 = (bf16[2,4,4,16]{3,2,1,0}, u8[999]{0}) custom-call(bf16[2,8,8,3]{3,2,1,0} %x, pred[5]{0} "
        '%mask), custom_call_target="__cudnn$convForward"\n'
    )
    assert costs.bytes_of_calls(program) == 1 + 2 * 2 * 8 * 8 * 3 + 5 + 2 * 2 * 4 * 4 * 16


@given(st.floats(1e-3, 1e6), st.floats(1, 1e12), st.floats(0.01, 1))
def test_share_of_the_peak(per_second, amount, share):
    work, found = costs.reached(per_second, amount, per_second * amount / share)
    assert work == pytest.approx(per_second * amount) and found == pytest.approx(share)


def test_each_type_is_held_against_its_own_peak():
    float32, bfloat16 = (device.speeds(10, 1e11, 1e10, MEASURED, dtype) for dtype in peaks.DTYPES)
    assert (float32["share_of_peak"], bfloat16["share_of_peak"]) == (1, 0.5)
    assert float32["share_of_bandwidth"] == bfloat16["share_of_bandwidth"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", peaks.VENDORS)
def test_known_devices_have_their_vendor_s_peaks(kind):
    """NVIDIA's tensor cores take half as many TF32 as bfloat16 products; a TPU computes both in bfloat16."""
    found = peaks.peaks_of(kind, None, MEASURED)
    times = 2 if "NVIDIA" in kind else 1
    assert found.bfloat16 == pytest.approx(times * found.float32, rel=2e-3)  # data sheets round
    assert found.source != MEASURED.source
    assert peaks.peaks_of(kind, "highest", MEASURED) is MEASURED


@given(st.text().filter(lambda kind: kind not in peaks.VENDORS))
def test_other_devices_have_what_was_measured(kind):
    assert peaks.peaks_of(kind, None, MEASURED) is MEASURED


@pytest.mark.parametrize("kind", ["NVIDIA GH200 480GB", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", "cpu"])
def test_a_device_whose_name_holds_another_s_is_not_that_one(kind):
    assert peaks.peaks_of(kind, None, MEASURED) is MEASURED


def test_what_is_measured_is_work_by_time():
    found = peaks.measure(64, 4096, 1, 0.001)
    assert min(found.float32, found.bfloat16, found.bandwidth) > 0 and "measured here" in found.source
    assert (peaks.product(64, "bfloat16").amount, peaks.copy(4096).amount) == (2 * 64**3, 2 * 4 * 4096)


def failing(error: Exception):
    def run(steps):
        raise error

    return lambda: (Contender(run, 1), None)


def test_no_memory_for_one_contender_stops_no_other():
    told_by_xla = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 1 TB")
    told_by_us = ValueError("about 9 GB of memory would be needed at once")
    fine = (Contender(lambda steps: None, 1), 5.0)
    makers = {"JAX, 1": failing(told_by_xla), "JAX, 2": failing(told_by_us), "JAX, 3": lambda: fine}
    fitting, left_out = device.those_that_fit(makers)
    assert fitting == {"JAX, 3": fine}
    assert left_out == {name: {"left_out": device.NO_MEMORY} for name in ("JAX, 1", "JAX, 2")}


def test_only_pytorch_may_fail_for_other_reasons():
    _, left_out = device.those_that_fit({"PyTorch, compiled": failing(KeyError("no compiler"))})
    assert "no compiler" in left_out["PyTorch, compiled"]["left_out"]
    with pytest.raises(jax.errors.JaxRuntimeError, match="ours"):
        device.those_that_fit({"JAX, float32": failing(jax.errors.JaxRuntimeError("INTERNAL: ours"))})


def test_bfloat16_is_held_against_float32(monkeypatch):
    monkeypatch.setattr(device, "in_jax", lambda training, *rest: (Contender(lambda steps: None, 1, 4), 8.0))
    pixels, training = np.zeros((4, 8, 8, 1), np.uint8), Training(steps=1, batch=4, width=2)
    rows = device.rows_of(training, peaks.DTYPES, 1, pixels, [], TIMING, MEASURED)
    slow, fast = (rows[f"JAX, {dtype}"] for dtype in peaks.DTYPES)
    assert fast["times_float32"] == fast["per_second"] / slow["per_second"] and "times_float32" not in slow
    work = fast["per_second"] / 4 * costs.flops_of_a_step(build(training, (8, 8, 1)), (8, 8, 1))
    assert fast["share_of_peak"] == pytest.approx(work / MEASURED.bfloat16, rel=0.1)


def test_a_row_without_memory_is_told_beside_the_others(monkeypatch):
    def in_jax(training, *rest):
        if training.dtype == "float32":
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 1 TB")
        return Contender(lambda steps: None, 1, 4), 8.0

    monkeypatch.setattr(device, "in_jax", in_jax)
    pixels, training = np.zeros((4, 8, 8, 1), np.uint8), Training(steps=1, batch=4, width=2)
    rows = device.rows_of(training, peaks.DTYPES, 1, pixels, [], TIMING, MEASURED)
    assert rows["JAX, float32"] == {"left_out": device.NO_MEMORY}
    assert rows["JAX, bfloat16"]["share_of_peak"] > 0 and "times_float32" not in rows["JAX, bfloat16"]
    assert any(device.NO_MEMORY in line for line in told.lines_of({"group": rows}, "images"))


@pytest.mark.parametrize("name", data.SHAPES)
def test_layers_are_those_of_the_networks(name):
    """Kernels and outputs of D and G, as Flax initialises and runs them."""
    size, _, channels = data.SHAPES[name]
    key, batch, width = jax.random.key(0), 2, 4
    inputs = {
        DCGANDiscriminator(size, channels, width): jnp.zeros((batch, size, size, channels)),
        DCGANGenerator(size, channels, width): jnp.zeros((batch, 10)),
    }
    described = layers.layers_of(size, channels, width)
    for player, x in inputs.items():
        both = jax.eval_shape(lambda x, player=player: player.init(key, x, train=False, capture_intermediates=True), x)
        transposed = isinstance(player, DCGANGenerator)
        names = [f"up_{i}" for i in range(len(described), 0, -1)] if transposed else [f"down_{i}" for i in range(9)]
        assert len(described) == sum("up_" in part or "down_" in part for part in both["params"])
        for layer, part in zip(described, names, strict=False):
            x, kernel = layers.arguments(layer, transposed, batch, "float32", 0)
            assert kernel.shape == both["params"][part]["kernel"].shape
            forms = layers.TRANSPOSED if transposed else layers.FORWARD
            y = forms["library"](x, kernel, layers.STRIDE, layers.PADDING)
            assert y.shape == both["intermediates"][part]["__call__"][0].shape


def test_a_form_is_timed_where_it_serves(monkeypatch):
    """In bfloat16 tiles do not; where the image has few channels neither, as a whole run shows."""
    monkeypatch.setattr(layers, "descent", lambda form, x, kernel: form(x, kernel))
    rows = layers.milliseconds(layers.Layer(8, 8, 16), False, 2, 1, 0.001, 0)
    assert rows.keys() == {"library, float32", "patches, float32", "tiles, float32"} | IN_BFLOAT16
    assert all(row["fastest_round"] <= row["milliseconds"] <= row["slowest_round"] for row in rows.values())


def test_a_step_of_a_layer_goes_down_both_gradients():
    """Of (x K)^2 / 2 with single numbers, ten times."""
    expected = np.array([40.0, 30.0])
    found = layers.descent(jnp.multiply, *expected.astype(np.float32))
    for _ in range(layers.IN_ONE_CALL):
        expected = expected - layers.RATE * expected.prod() * expected[::-1]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_an_accelerator_s_plan_has_what_was_asked_for():
    plan = plans.plan_for(accelerator=True, quick=False)
    found = {(device.name_of(training), training.batch) for training in device.setups(plan, 64)}
    dcgans = {(name, batch) for name in ("mnist", "cifar10") for batch in (64, 256, 1024, 2048)}
    assert found == dcgans | {("textbook", 64), ("textbook", 256)}
    assert all(plans.dtypes_of(plan, *one) == peaks.DTYPES for one in found)
    compiled = [device.variants_of_pytorch(plan, training, True) for training in device.setups(plan, 64)]
    assert sum((True, True, True) in variants for variants in compiled) == 2


def test_pytorch_on_a_cpu_is_no_match_for_a_gpu(monkeypatch):
    pytest.importorskip("torch")
    assert device.no_pytorch() is None and device.first_words(False).startswith("no accelerator: ")
    monkeypatch.setattr(device, "accelerator", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "no GPU" in device.no_pytorch() and device.first_words(True).startswith("accelerator: ")


def test_a_convolution_without_memory_is_told_beside_the_others(monkeypatch):
    def milliseconds(layer, transposed, *rest):
        if transposed:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 1 TB")
        return {}

    monkeypatch.setattr(layers, "milliseconds", milliseconds)
    *_, numbers = device.growing(replace(TINY, networks_until=0, layers_until=1e9), TIMING, 2, False, 0)
    found = list(numbers["layers"].values())
    assert found == [{}, {"library": {"left_out": device.NO_MEMORY}}] * (len(found) // 2) and found


def test_what_no_time_is_left_for_is_told():
    *_, numbers = device.growing(replace(TINY, networks_until=0, layers_until=0), TIMING, 2, False, 0)
    for part in ("groups", "layers"):
        assert numbers[part]
        assert all(list(rows.values()) == [{"left_out": device.NO_TIME}] for rows in numbers[part].values())


def test_which_images_the_short_run_learns_from(tmp_path, monkeypatch):
    monkeypatch.setattr(short_run, "MADE_UP", 20)
    for folder in (None, tmp_path):
        monkeypatch.setenv("GAN_DATA_DIR", str(folder or ""))
        pixels, which = short_run.images(None)
        assert pixels.shape == (20, 32, 32, 3) and which == "20 made-up images, ten classes"
    with pytest.raises(FileNotFoundError, match="has no file"):
        short_run.images(tmp_path)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"what": "device", "batch": 128}, "batch is 128, but benchmark device has no use for it"),
        ({"what": "images", "data_dir": Path("here")}, "data_dir is here, but benchmark images has no use for it"),
    ],
)
def test_settings_of_another_benchmark_are_refused(settings, named):
    with pytest.raises(ValueError, match=named):
        benchmark.Config(**settings)


def test_a_small_run_leaves_everything(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plans, "QUICK", replace(TINY, run_steps=1))
    monkeypatch.setattr(short_run, "MADE_UP", 20)
    monkeypatch.setattr(layers, "descent", lambda form, x, kernel: form(x, kernel))
    for name, channels in (("mnist", 1), ("cifar10", 3)):
        monkeypatch.setitem(data.SHAPES, name, (8, 8, channels))  # one layer: that is soon compiled
    monkeypatch.delenv("GAN_DATA_DIR", raising=False)
    benchmark.main(benchmark.Config(what="device", out=tmp_path, rounds=1, seconds=0.001, width=2, quick=True))
    result = json.loads((tmp_path / "result.json").read_text())
    numbers = result["numbers"]
    assert result["device"] and (tmp_path / "samples.png").stat().st_size > 1000
    assert numbers["measured"] == numbers["peaks"]
    [(label, rows)] = numbers["groups"].items()
    row = rows["JAX, float32"]
    assert label == "mnist, batch 4, width 2" and row["flops_of_a_step"] > 0
    work = row["per_second"] / 4 * row["flops_of_a_step"]
    assert row["share_of_peak"] == pytest.approx(work / numbers["peaks"]["float32"]) and row["share_of_bandwidth"] > 0
    assert row["slowest_round"] <= row["per_second"] <= row["fastest_round"]
    assert len(numbers["layers"]) == 2
    assert all(rows.keys() == {"library, float32", "patches, float32"} | IN_BFLOAT16
               for rows in numbers["layers"].values())  # fmt: skip
    assert numbers["run"]["images"] == "20 made-up images, ten classes" and numbers["run"]["finite"]
    shown = capsys.readouterr().out
    assert "no accelerator" in shown and "% of peak" in shown and "20 made-up images" in shown
