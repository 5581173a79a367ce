"""Many devices: whether a run is the same on them, what they tell each other, and how fast they could be."""
