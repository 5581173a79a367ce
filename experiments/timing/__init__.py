"""What a step costs: contenders timed in turns, parts of a device in use, and the same step on many devices."""
