"""The doctor's checks, one file a group: functions from the evidence to one finding, or None."""
