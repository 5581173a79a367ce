"""Command lines and results: how a command begins and ends, and what it leaves."""
