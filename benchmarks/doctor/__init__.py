"""The whole doctor on models that are sick in one known way and on models that are well."""
