"""Measures of codes: active units, the aggregate posterior, and reconstructions."""
