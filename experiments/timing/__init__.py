"""Timing: contenders, ours and PyTorch's, and how they take turns."""
