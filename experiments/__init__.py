"""One script an experiment: `python -m experiments.NAME --help` explains it, `python -m experiments` lists them."""

import os
import signal
import sys

if sys.argv[0] == "-m":  # Python looks up the command that it was told to run, and will import it next
    # Before any other import, each of which Ctrl-C would end in a traceback; 130 as in signals.INTERRUPTED.
    signal.signal(signal.SIGINT, lambda number, frame: (os.write(2, b"error: interrupted\n"), os._exit(130)))

    from experiments.command.first_line import begin

    begin()
