"""MNIST, CIFAR-10 and made-up images: the public names of `gan_from_scratch.images.data`."""

from gan_from_scratch.images.data import CLASSES, SHAPES, SPLITS, Dataset, cifar10, mnist, of_classes, synthetic

__all__ = ["CLASSES", "SHAPES", "SPLITS", "Dataset", "cifar10", "mnist", "of_classes", "synthetic"]
