"""Remedies for mode collapse: a D that sees several samples together, and a G that looks ahead of D.

    packing        D judges several samples of one kind together
    pacgan         the players of packing's authors
    minibatch      D sees how a sample differs from the others of its batch
    unrolled       G's loss after further steps of D
    fourier        what D sees of a point, finer

The relativistic loss and R2 are in ../remedies.py: they are of use elsewhere too.
"""

from gan_from_scratch import lazy

__getattr__, __dir__ = lazy(__name__, __path__)
