"""A GAN on a ring of eight Gaussians: how many modes it covers, and how many samples are good.

command     python recipes/gan_ring.py
protocol    2-D ring of 8 Gaussians; a sample is good within three standard deviations of a mode, a
            mode is covered if a good sample is at it; 10,000 samples, three seeds
published   none for this network: the ring is the usual picture of mode collapse (Salimans et al.
            2016 give the cures; unrolled GANs, Metz et al. 2017, show the failure)
ours        8 of 8 modes at each seed; 90.8 %, 95.6 % and 90.1 % good samples; 20 s each
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import tempfile
import time

import torch

import simulacra


def main() -> None:
    """Three seeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=float, default=200)
    options = parser.parse_args()
    data = simulacra.load_data("ring")
    for seed in range(3):
        torch.manual_seed(seed)
        model = simulacra.GAN(data.space, latent=16, hidden=(128, 128))
        began = time.perf_counter()
        run = simulacra.fit(
            model, data, out=tempfile.mkdtemp(), epochs=options.epochs, batch_size=256, seed=seed
        )
        found = data.truth.coverage(run.model.sample(10_000, seed=1))
        seconds = time.perf_counter() - began
        covered = f"{found['modes']} of 8 modes, {found['good']:.1%} good samples"
        print(f"seed {seed}: {covered}, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
