"""Parsing of options from the command line or a YAML file into typed values."""
