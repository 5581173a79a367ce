"""Three ways to convolve: by patches, by Winograd's tiles, by the library. Values, gradients, second gradients."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch.images import convolution, winograd

seeds = st.integers(0, 2**31)
# kernel size, stride, padding, height, width: what the DCGAN, the frog nets and the classifier use, and odd ones
TILED = [(4, 2, 1, 6, 10), (4, 2, 1, 8, 8), (4, 2, 0, 4, 10), (2, 1, 1, 2, 5), (6, 3, 0, 9, 6)]  # k = 2 stride
SHAPES = [
    TILED[0],
    TILED[-1],
    (5, 1, 2, 5, 4),
    (3, 1, 0, 3, 7),
    (3, 1, 1, 2, 2),
    (7, 1, 3, 4, 4),
    (1, 1, 0, 3, 3),
    (4, 4, 2, 8, 4),
]
LIBRARY = {False: convolution.convolve_by_library, True: convolution.convolve_transposed_by_library}
FORMS = [  # function, whether it is transposed, and the shapes that it can do
    (convolution.convolve_by_patches, False, SHAPES),
    (convolution.convolve_transposed_by_patches, True, SHAPES),
    (winograd.convolve_by_tiles, False, TILED),
    (winograd.convolve_transposed_by_tiles, True, TILED),
]


def arrays(seed, shape, transposed):
    k, _, _, h, w = shape
    key_x, key_k = jax.random.split(jax.random.key(seed))
    x = jax.random.normal(key_x, (2, h, w, 3))
    return x, jax.random.normal(key_k, (3, k, k, 5) if transposed else (5, k, k, 3)) / k


@pytest.mark.parametrize(
    ("form", "transposed", "shape"), [(*form, shape) for *form, shapes in FORMS for shape in shapes]
)
def test_every_form_is_the_librarys_in_values_and_gradients(form, transposed, shape):
    _, stride, padding, _, _ = shape

    @partial(jax.jit, static_argnums=0)
    def value_and_gradients(function, x, kernel):
        y, pull_back = jax.vjp(lambda x, kernel: function(x, kernel, stride, padding), x, kernel)
        return y, *pull_back(jnp.sin(1 + y))

    @given(seed=seeds)
    def agree(seed):
        x, kernel = arrays(seed, shape, transposed)
        found, wanted = (value_and_gradients(function, x, kernel) for function in (form, LIBRARY[transposed]))
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * (1 + float(jnp.abs(other).max())))

    agree()


@pytest.mark.parametrize("shape", SHAPES[::3], ids=str)
def test_transposed_means_adjoint(shape):
    """<convolve(x), y> = <x, convolve_transposed(y)>, the definition."""
    _, stride, padding, _, _ = shape

    @jax.jit
    def products(x, kernel):
        y = convolution.convolve(x, kernel, stride, padding)
        other = jnp.sin(1 + y)
        back = convolution.convolve_transposed(other, kernel, stride, padding)
        return jnp.vdot(y, other), jnp.vdot(x, back), jnp.abs(y * other).sum()

    @given(seed=seeds)
    def agree(seed):
        here, there, size = products(*arrays(seed, shape, transposed=False))
        assert abs(here - there) <= 1e-5 * size

    agree()


@pytest.mark.parametrize(("form", "transposed"), [form[:2] for form in FORMS])
def test_second_derivatives_as_r1_needs_them(form, transposed):
    """The gradient in the kernel of the squared gradient in x."""

    @partial(jax.jit, static_argnums=0)
    def squared_slope(function, x, kernel):
        def logit(x, kernel):
            return jnp.sum(jnp.tanh(function(x, kernel, 2, 1)))

        return jax.grad(lambda kernel: jnp.sum(jax.grad(logit)(x, kernel) ** 2))(kernel)

    @given(seed=seeds)
    def agree(seed):
        x, kernel = arrays(seed, TILED[0], transposed)
        found, wanted = (squared_slope(function, x, kernel) for function in (form, LIBRARY[transposed]))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * float(jnp.abs(wanted).max()))

    agree()


@pytest.mark.parametrize(("form", "transposed"), [form[:2] for form in FORMS])
def test_every_transformation_of_jax_applies(form, transposed):
    """vmap over images, kernels and both, derivatives forward, backward and twice, each as the library's."""
    x, kernel = arrays(0, TILED[0], transposed)
    xs, kernels = jnp.stack([x, 2 - x]), jnp.stack([kernel, kernel**2])

    def transformed(function):
        def bent(x, kernel):
            return jnp.sin(function(x, kernel, 2, 1))

        def logit(t):  # of one number, so that whole Jacobians are small
            return jnp.sum(bent(t * x, kernel * (1 + t)), axis=(1, 2))

        return {
            "vmap over images": jax.vmap(bent, (0, None))(xs, kernel),
            "vmap over kernels": jax.vmap(bent, (None, 0))(x, kernels),
            "vmap over both": jax.vmap(bent)(xs, kernels),
            "vmap of the gradient": jax.vmap(jax.grad(lambda x, kernel: bent(x, kernel).sum(), 1))(xs, kernels),
            "jvp": jax.jvp(bent, (x, kernel), (jnp.cos(x), kernel**2))[1],
            "jacfwd": jax.jacfwd(logit)(0.5),
            "jacrev": jax.jacrev(logit)(0.5),
            "hessian": jax.jacfwd(jax.jacrev(logit))(0.5),
        }

    found, wanted = (jax.jit(transformed, static_argnums=0)(one) for one in (form, LIBRARY[transposed]))
    for name, values in wanted.items():
        size = float(jnp.abs(values).max())
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5 * size, err_msg=name)


@pytest.mark.parametrize("transposed", [False, True])
def test_what_is_chosen_for_bfloat16_errs_less_than_one_rounding(transposed):
    """The tiles' sums, rounded to 8 bits before they are multiplied, would err two to five times as much."""
    key_x, key_k = jax.random.split(jax.random.key(0))
    x = jax.random.normal(key_x, (4, 8, 8, 32)).astype(jnp.bfloat16)
    kernel = (jax.random.normal(key_k, (32, 4, 4, 32)) / 16).astype(jnp.bfloat16)
    form = convolution.convolve_transposed if transposed else convolution.convolve
    exact = form(x.astype(jnp.float32), kernel.astype(jnp.float32), 2, 1)

    def error(function):
        return float(jnp.abs(function(x, kernel, 2, 1).astype(jnp.float32) - exact).mean() / jnp.abs(exact).mean())

    tiles = winograd.convolve_transposed_by_tiles if transposed else winograd.convolve_by_tiles
    assert error(form) < 2**-8 < error(tiles)


def test_a_patch_is_what_the_kernel_covers():
    x = jnp.arange(2 * 6 * 4 * 3, dtype=jnp.float32).reshape(2, 6, 4, 3)
    rows = convolution.patches(x, 4, 2)
    assert rows.shape == (2, 2, 1, 48)
    np.testing.assert_array_equal(rows[1, 1, 0], x[1, 2:6, 0:4].ravel())


def test_adding_patches_counts_how_often_each_pixel_was_copied():
    copies = convolution.add_patches(convolution.patches(jnp.ones((1, 6, 6, 1)), 4, 2), 4, 2)[0, :, :, 0]
    np.testing.assert_array_equal(copies[:, 0], [1, 1, 2, 2, 1, 1])
    np.testing.assert_array_equal(copies[2], [2, 2, 4, 4, 2, 2])


@pytest.mark.parametrize(
    ("k", "stride", "size", "named"),
    [
        (3, 2, 8, "kernel's size is 3, but must be a multiple of the stride 2"),
        (4, 2, 7, "padded height is 7, but must be a multiple of the stride 2"),
        (6, 2, 4, "kernel's size is 6, but must be at most that of the padded image, 4 x 4"),
    ],
)
def test_shapes_that_do_not_fit_are_named(k, stride, size, named):
    with pytest.raises(ValueError, match=named):
        convolution.convolve(jnp.ones((1, size, size, 1)), jnp.ones((1, k, k, 1)), stride, 0)


def test_a_transposed_kernel_that_the_stride_does_not_divide_is_named():
    with pytest.raises(ValueError, match="kernel's size is 5, but must be a multiple of the stride 2"):
        convolution.convolve_transposed(jnp.ones((1, 4, 4, 1)), jnp.ones((1, 5, 5, 1)), 2, 0)


@pytest.mark.parametrize(
    ("backend", "k", "channels", "form"),
    [("gpu", 4, 8, "library"), ("cpu", 4, 8, "tiles"), ("cpu", 4, 7, "patches"), ("cpu", 6, 8, "patches")],
)
def test_the_device_and_the_kernel_choose_the_form(monkeypatch, backend, k, channels, form):
    called = []
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    names = [f"{which}_by_{form}" for which in ("convolve", "convolve_transposed")]
    for name in names:
        real = getattr(convolution, name)
        monkeypatch.setattr(convolution, name, lambda *args, name=name, real=real: called.append(name) or real(*args))
    x, kernel = jnp.ones((1, 4, 4, channels)), jnp.ones((1, k, k, channels))
    convolution.convolve(x, kernel, 2, 1)
    convolution.convolve_transposed(jnp.ones((1, 4, 4, 1)), kernel, 2, 1)
    assert called == names
