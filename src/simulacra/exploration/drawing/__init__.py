"""Pictures as data, a view for each space, and the renderer for matplotlib."""
