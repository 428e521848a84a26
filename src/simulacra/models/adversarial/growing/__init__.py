"""Games from coarse to fine: levels of an image that are trained one after the other."""
