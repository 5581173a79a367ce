"""Shapes are checked while the tests run, figures need no screen, compiling is quick, CI draws the same cases."""

import atexit
import dataclasses
import os
import shutil
import tempfile

os.environ["MPLBACKEND"] = "Agg"

# Many tests compile the same program, and so do the scripts that they start: what this process or one of its children
# has compiled, the others find. Each test worker has a folder of its own, because two may not write one entry at once.
COMPILED = tempfile.mkdtemp()
atexit.register(shutil.rmtree, COMPILED, ignore_errors=True)
os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
# LLVM's -O2 compiles every random draw in a tenth of the time that its -O3, XLA's choice, needs.
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=2"

from jaxtyping import install_import_hook  # noqa: E402

# Before anything imports the package: from here on beartype checks every annotated shape.
HOOK = install_import_hook("gan_from_scratch", "beartype.beartype")

import hypothesis  # noqa: E402
import jax  # noqa: E402
import jaxtyping  # noqa: E402
import pytest  # noqa: E402

# Compiling takes longer than any deadline; what is compiled once serves all examples.
hypothesis.settings.register_profile("default", deadline=None, max_examples=25, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("default")


@pytest.fixture
def float64():
    """JAX computes in float64 inside the test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def without_shape_checks():
    """The package as users have it: without beartype, so that its own messages are reached."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def beyond():
    """beyond(settings, rate=1e30): a copy of a frozen dataclass with values that it would refuse."""

    def changed(settings, **values):
        settings = dataclasses.replace(settings)
        for name, value in values.items():
            object.__setattr__(settings, name, value)
        return settings

    return changed


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One folder of trained classifiers for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def small(cache):
    """small(command, out, run={...}, **training): the Config of a small run of an image command on made-up images."""
    from gan_from_scratch import data

    def config(command, out, *, run=None, **training):
        usual = command.Config()
        name = command.__name__.rpartition(".")[2]
        of = {"mnist_dcgan": "mnist", "cifar_dcgan": "cifar10"}.get(name)
        classes = {"classes": data.CLASSES[of]} if of else {}
        folders = {"out": out, "cache": cache, "synthetic": 60, "sample_every": 20, "checkpoint_every": 20}
        tiny = {"steps": 60, "batch": 8, "width": 4, "hidden": 6, "noise_dim": 5, "categories": 2, "decay": False}
        return dataclasses.replace(
            usual,
            **classes,
            run=dataclasses.replace(usual.run, **(folders | (run or {}))),
            training=dataclasses.replace(usual.training, **(tiny | training)),
        )

    return config


@pytest.fixture(scope="session")
def whole(tmp_path_factory, small):
    """The folder of a small run of mnist_dcgan that nothing interrupted: 60 steps, three compiled calls."""
    from experiments import mnist_dcgan

    out = tmp_path_factory.mktemp("whole")
    mnist_dcgan.main(small(mnist_dcgan, out))
    return out
