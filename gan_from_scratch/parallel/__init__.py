"""One GAN on many devices, of one process or of several.

mesh        where each array lies: batches spread over the devices, players on all of them
"""

from gan_from_scratch import lazy

__getattr__, __dir__ = lazy(__name__, __path__)
