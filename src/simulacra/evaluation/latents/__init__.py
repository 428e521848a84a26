"""Codes: active units, the aggregate posterior, and reconstructions."""
