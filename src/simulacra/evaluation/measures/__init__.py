"""The registry of measures: everything that `evaluate` and the doctor measure."""
