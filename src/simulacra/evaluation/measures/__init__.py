"""The registry of measures: everything that is found out about a model."""
