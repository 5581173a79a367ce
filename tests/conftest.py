"""Shapes are checked while the tests run, figures need no screen, and hypothesis repeats itself in CI."""

import os

os.environ["MPLBACKEND"] = "Agg"

from jaxtyping import install_import_hook

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
