"""Networks of the methods beside GANs, whose formulas stand in experiments:

classifiers   those that adversarial examples fool
conditional   players that are told a class
autoencoders  the encoder and the decoder of a VAE
translators   CycleGAN's players
"""

from gan_from_scratch import lazy

__getattr__, __dir__ = lazy(__name__, __path__)
