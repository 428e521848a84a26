"""From words on the command line or in a YAML file to typed options."""
