"""What images add. Read in this order:

convolution  convolution and its transpose, as one matrix product each
winograd     the same in fewer products, where the kernel is twice the stride
networks     the DCGAN's players, and a classifier
textbook     the players of Chollet's textbook for CIFAR-10's frogs
metrics      generated images against real ones, in the features of a classifier
data         MNIST and CIFAR-10, and made-up images of their shapes
files        the bytes of their files, from a folder or a mirror
"""

from gan_from_scratch import lazy

__getattr__, __dir__ = lazy(__name__, __path__)
