"""The belief nets in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "belief-net",
        "beliefs",
        "beliefs.belief_net",
        "BeliefNet",
        "Neal 1992; Hinton et al. 1995; Mnih and Gregor 2014; Bornschein and Bengio 2015",
        ("B1", "B4", "B5", "B6", "B8", "B9", "B10"),
        "sigmoid belief net of any depth: wake-sleep, reweighted wake-sleep, NVIL and other estimators",
    ),
    Entry(
        "darn",
        "beliefs",
        "beliefs.darn",
        "DARN",
        "Gregor et al. 2014",
        ("H15",),
        "belief net whose hidden units read the units before them in their layer",
    ),
    Entry(
        "bihm",
        "beliefs",
        "beliefs.bidirectional",
        "BiHM",
        "Bornschein et al. 2016",
        ("B7",),
        "geometric mean of a directed net and its recognition net, with a bound of its own",
    ),
    Entry(
        "mean-field-sbn",
        "beliefs",
        "beliefs.mean_field",
        "MeanFieldSBN",
        "Saul, Jaakkola and Jordan 1996",
        ("B3",),
        "small sigmoid belief net with a deterministic bound and no recognition net",
    ),
)
