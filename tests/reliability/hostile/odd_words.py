"""Odd lines of words over all commands: RUN is a finished run, OUT an empty folder, DATA a small table."""

from __future__ import annotations

LONG, HUGE = "x" * 5000, "9" * 400
TRAIN = "train vae DATA --epochs 1 --out OUT/run"

# losses and weights that overflow end in a sentence
OVERFLOWING = (
    f"{TRAIN} --lr 1e300",
    f"{TRAIN} --lr 1e38 --epochs 3",
    f"{TRAIN} --lr 1e30 --clip 1e300",
    "train gan ring --data.limit 50 --epochs 1 --out OUT/run --lr 1e300",
    "train rbm digits --data.limit 40 --data.binarize threshold --epochs 1 --out OUT/run --lr 1e300",
    "train tabular DATA --epochs 1 --out OUT/run --lr 1e300",
)
TRAINING = (
    *(f"{TRAIN} --lr nan", f"{TRAIN} --lr -1", f"{TRAIN} --lr {HUGE}", f"{TRAIN} --lr 1e-320"),
    *(f"{TRAIN} --epochs 1e400", f"{TRAIN} --epochs nan", f"{TRAIN} --epochs -0.0", f"{TRAIN} --epochs 1e-9"),
    *(f"{TRAIN} --batch-size 0", f"{TRAIN} --batch-size 1e3", f"{TRAIN} --batch-size {HUGE}"),
    *(f"{TRAIN} --clip 0", f"{TRAIN} --clip nan", f"{TRAIN} --ema 1.0", f"{TRAIN} --ema 2"),
    *(f"{TRAIN} --seed -1", f"{TRAIN} --seed {HUGE}", f"{TRAIN} --device cuda:99", f"{TRAIN} --device tpu"),
    *(f"{TRAIN} --model.latent 0", f"{TRAIN} --model.latent -3", f"{TRAIN} --model.hidden []"),
    *(f"{TRAIN} --model.hidden [0]", f"{TRAIN} --model.hidden [1e9]", f"{TRAIN} --model.latent {HUGE}"),
    *(f"{TRAIN} --data.test 1.0", f"{TRAIN} --data.validation nan", f"{TRAIN} --data.limit 0"),
    *(f"{TRAIN} --data.types []", f"{TRAIN} --data.types {{a:", f"{TRAIN} --data.memory inf"),
    *("train vae DATA --out /dev/null", "train vae DATA --out ''", f"train vae DATA --out OUT/{LONG}"),
    *(
        f"train {LONG} DATA",
        f"train vae {LONG}",
        "train vae",
        "train --resume OUT",
        "train --resume /dev/null",
    ),
    *(
        "train --config /dev/null",
        "train --config OUT",
        "train vae DATA --epochs 1 --stages {x: 1} --out OUT/run",
    ),
)
OTHERS = (
    *(
        "sample RUN --n 0 --out OUT/a.csv",
        "sample RUN --n -1 --out OUT/a.csv",
        f"sample RUN --n {HUGE} --out OUT/a.csv",
    ),
    *(
        "sample RUN --n 2 --out OUT/a.exe",
        "sample RUN --n 2 --out /dev/null/a.csv",
        "sample RUN --seed -7 --out OUT/a.csv",
    ),
    *(
        "sample RUN --seed 1e30 --out OUT/a.csv",
        "sample RUN --condition 7 --out OUT/a.csv",
        f"sample RUN --out OUT/{LONG}.csv",
    ),
    *("evaluate RUN --k 0", "evaluate RUN --k -1", "evaluate RUN --limit 0", "evaluate RUN --split nothing"),
    *(
        "evaluate RUN --budget nan",
        "evaluate RUN --budget -1m",
        "evaluate RUN --budget 1e400s",
        "evaluate RUN --samples -1",
    ),
    *(
        "evaluate RUN --extractor /dev/null",
        "evaluate RUN --chains 0",
        "evaluate /dev/null",
        f"evaluate {LONG}",
    ),
    *("doctor RUN --budget 0", "doctor RUN --limit -3", "doctor RUN --samples 0", "doctor RUN --k nan"),
    *(
        "explore RUN --budget inf --out OUT",
        "explore completions RUN --n 0",
        "explore arithmetic RUN --a nothing",
    ),
    *("explore RUN --seed -1 --out OUT", "explore '' RUN", f"explore {LONG} RUN", "explore RUN RUN RUN"),
    *("export RUN --what nothing", "export RUN --out OUT", "export RUN --out /dev/null/a.onnx"),
    *(
        "compare RUN",
        "compare RUN RUN --out OUT/a.exe",
        "compare RUN RUN --out OUT",
        "compare",
        "compare /dev/null RUN",
    ),
    *("data get nothing", "data inspect /dev/zero", "data inspect ''", f"data get {LONG}", "data --limit 3"),
    *(
        "models nothing",
        f"models {LONG}",
        "recipes nothing",
        "reproduce nothing",
        "reproduce '' --budget nan",
    ),
    *(
        "info --nothing 3",
        "demo --epochs nan",
        "demo --epochs -1",
        "demo --out /dev/null",
        "demo --seed 1e30",
    ),
    *("-", "--", "--x", "''", "\u202e", LONG, "help nothing", "--help --help", "train -x", "train ---lr 3"),
)
LINES = (*OVERFLOWING, *TRAINING, *OTHERS)
