"""Diffusion of bits on the heartbeat of Sohl-Dickstein et al. 2015: sequences of 20 bits with a one in every fifth place.

command     python recipes/diffusion_heartbeat.py [--epochs N] [--steps T]
protocol    5 different sequences, equally likely, so that log2 p(x) is at most -log2 5 = -2.322 bits a sequence; the
            bound of 2,000 sequences, the exact sum over all steps with one draw of x_t for each
published   -2.414 bits a sequence (table 1)
ours        TO BE FILLED
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from functools import partial

import torch

import simulacra
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

LENGTH, PERIOD = 20, 5
EPOCHS, T = 200, 500
TRAIN, TEST = 10_000, 2_000
