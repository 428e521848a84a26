"""The commands, one file each: `simulacra NAME` runs the function of that name."""
