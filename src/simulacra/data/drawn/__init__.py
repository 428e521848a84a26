"""Films and solids that are drawn by rules: data of known truth without a density in closed form."""
