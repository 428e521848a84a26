"""Runs the queue of long runs, recipes/queue.yaml, one at a time at the lowest priority.

    python tools/headline.py [RECIPE] [--list] [--draft RECIPE] [--again] [--queue FILE] [--cache FOLDER]

`make headline` runs the next entry without a record; after an interruption the same command continues it.
"""

import os
import sys

# set before torch is imported: one thread, which waits passively
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from headlines.command import main

if __name__ == "__main__":
    sys.exit(main())
