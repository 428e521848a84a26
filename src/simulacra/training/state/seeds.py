"""Seed groups: runs of one experiment that differ in their seed only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MODEL = ("model", "arguments", "passed", "preprocessing")
# options that may differ within a group: the seed, and those that affect only last bits, speed or display
NEW = {"steps"}  # options that earlier versions lack: left out while they are None, so that groups stay
FREE = {"seed", "device", "devices", "progress", "checkpoint_seconds", "log_every", "samples_every"}


def seed_group(config: Mapping[str, Any]) -> str:
    """Returns a digest of a run's configuration without its seed.

    Args:
        config: content of `config.json` of a run: model, data and options.

    Example:
        >>> run = {"model": "PCA", "data": {"spec": {}, "digest": "d"}, "options": {"seed": 0, "lr": 0.1}}
        >>> again = {**run, "options": {"seed": 5, "lr": 0.1}}
        >>> seed_group(run) == seed_group(again), seed_group(run) == seed_group({**run, "model": "GAN"})
        (True, False)
    """
    kept = {name: config.get(name) for name in MODEL}
    if config.get("conditioning"):
        kept["conditioning"] = config["conditioning"]
    # without the seed of the initial weights
    kept["arguments"] = {k: v for k, v in (kept["arguments"] or {}).items() if k != "seed"}
    if config.get("start"):
        # training began at the weights of an earlier training: no repetition of one that began fresh
        kept["start"] = config["start"]
    if config.get("ended"):
        # ended early, so that its options do not say how long it was trained
        kept["ended"] = config["ended"]
    data = {name: config["data"].get(name) for name in ("spec", "digest")}
    given = {k: v for k, v in config["options"].items() if v is not None or k not in NEW}
    options = {name: value for name, value in given.items() if name not in FREE}
    text = json.dumps([kept, data, options], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
