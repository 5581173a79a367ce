"""advice: the sentences that texts on GANs repeat, the pairs of runs that try them, and what these say."""
