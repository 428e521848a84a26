"""Energies by a network on a ring, and a generative stochastic network on digits of 8 x 8 pixels.

command     python recipes/energies_and_chains.py
protocol    ring: 4,000 points of radius 3 and deviation 0.3, of whose true density -3.15 nats are expected; log p(x)
            of 800 test rows with Z by quadrature. Digits: the embedded ones, thresholded; mean log-density of
            360 test rows under a Parzen window on 2,000 draws, and under one on as many training rows
published   none (the objectives are those of Gutmann and Hyvaerinen 2012 and of Bengio et al. 2014)
ours        below
device      2 shared CPU cores, one thread; about two minutes

"""
