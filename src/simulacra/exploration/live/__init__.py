"""Pictures while a model trains."""
