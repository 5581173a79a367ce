"""What images add. Read in this order:

convolution  convolution and its transpose, as one matrix product each
winograd     the same in fewer products, where the kernel is twice the stride
networks     the DCGAN's players, and a classifier
textbook     the players of Chollet's textbook for CIFAR-10's frogs
goodfellow   the paper's own players for MNIST
variants     the DCGAN's players with one part exchanged
metrics      generated images against real ones, in the features of a classifier
parzen       the paper's measure: log likelihoods under Parzen windows
data         MNIST and CIFAR-10, and made-up images of their shapes
files        the bytes of their files, from a folder or a mirror
"""

from gan_from_scratch import lazy

__getattr__, __dir__ = lazy(__name__, __path__)
