"""The 1-D GAN: its settings, the GAN that they describe, and its training in JAX and in NumPy."""
