"""Networks of generators, discriminators and critics."""
