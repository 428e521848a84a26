"""The queue of long runs: entries that say beforehand what counts, and runs that survive a kill."""
