"""The vanishing gradient: what gradient_vanishing measures."""
