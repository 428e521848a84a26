"""Train, validation and test rows: how they are cut, and by which keys."""
