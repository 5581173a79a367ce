"""G looks ahead: its loss is taken after further steps of D and differentiated through them. Metz et al. 2017.

Against a D that stays where it is, G's best answer is all its mass on the one x that D likes most, and then D moves on:
the modes are visited in turn. A G that knows how D will answer gains nothing by that.
"""

from dataclasses import dataclass

import jax

from gan_from_scratch import check, train


@dataclass(frozen=True)
class Unrolled:
    """G's step after `steps` further steps of D on the same data and noise, of which nothing is kept.

    psi_0 is D, psi_{i+1} = psi_i - update(dL_D / dpsi)(theta, psi_i), and G descends on L_G(theta, psi_u): eqs. (7) to
    (10). The update is that of gan.optimizer_d from D's present state: with optax.sgd it is the paper's gradient step,
    and with Adam, as in its released code, the root of the mean squared slope is differentiated too, which has no slope
    at 0: give optax.adam an eps_root above 0. With 0 steps this is train.generator_step.
    """

    steps: int

    def __post_init__(self):
        check.nonnegative_integer("steps", self.steps)

    def __call__(self, gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
        loss_g = train.generator_objective(gan, state, x, z, key)
        loss_d = train.discriminator_objective(gan, state, x, z, key)

        def objective(params_g):
            def step_d(d, _):
                slope, _ = jax.grad(loss_d, argnums=1, has_aux=True)(params_g, d.params)
                return train.descend(gan.optimizer_d, d, slope, d.stats), None

            ahead, _ = jax.lax.scan(step_d, state.d, length=self.steps)
            return loss_g(params_g, ahead.params)

        slope, ((stats_g, _), metrics) = jax.grad(objective, has_aux=True)(state.g.params)
        return state._replace(g=train.descend(gan.optimizer_g, state.g, slope, stats_g)), metrics
