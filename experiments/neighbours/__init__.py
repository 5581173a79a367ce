"""What the neighbours' commands need beside their formulas: classifiers as functions, how they learn, who is judged."""
