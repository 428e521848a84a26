"""The commands, one module each: `simulacra NAME` calls `run` of the module NAME."""
