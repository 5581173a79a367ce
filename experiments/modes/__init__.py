"""Mode collapse: the methods that are compared, how one is trained over seeds and scored, and what is kept of it."""
