"""Two numbers that networks share, on the line and of images, by hand and in Flax. (Without JAX: numpy_gan.)"""

MOMENTUM = 0.9  # of BatchNorm's running statistics: PyTorch's default, there called 0.1
LEAK = 0.2  # slope below zero (Radford et al. 2016, section 4): a ReLU that is off passes no gradient on to G
