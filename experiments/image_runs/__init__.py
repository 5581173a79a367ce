"""Image runs: a DCGAN's settings, its training with checkpoints, and what it is judged by."""
