"""Networks whose outputs see only the entries before them."""
