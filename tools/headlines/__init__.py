"""The queue of long runs: entries state beforehand how figures are judged, and runs can be resumed after a
kill.
"""
