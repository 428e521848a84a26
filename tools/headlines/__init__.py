"""The queue of long runs: figures are judged by rules fixed beforehand, and runs survive a kill."""
