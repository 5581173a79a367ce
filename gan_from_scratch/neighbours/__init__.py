"""Networks of the methods beside GANs, whose formulas stand in experiments:

classifiers   those that adversarial examples fool
translators   CycleGAN's players
"""

from gan_from_scratch import lazy

__getattr__, __dir__ = lazy(__name__, __path__)
