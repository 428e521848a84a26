"""The queue of long runs, one at a time at the lowest priority: recipes/queue.yaml.

    python tools/headline.py [RECIPE] [--list] [--draft RECIPE] [--again] [--queue FILE] [--cache FOLDER]

`make headline` runs the next entry without a record; what is kept of it lets the same command go on.
"""

import os
import sys

# before torch is imported: one thread, and none that spins
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from headlines.command import main

if __name__ == "__main__":
    sys.exit(main())
