"""The judge of pictures and captions: a joint embedding and a classifier of words, trained on real rows.

    s(x, c) = phi(x)'psi(c)                                       whether a picture matches a caption      (1)
    p(w | x) = softmax over the words w of a group of A phi(x)    what a picture shows                     (2)

The groups are those that the data set declares, such as colours: words of a caption that exclude each other.
A caption with none or several words of a group says nothing of it. Judge and model share no weights; the
judge sees training rows alone.

Reference: Reed, Akata, Lee and Schiele 2016 (1). Rows G16, G17.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.interface import CHUNK, evaluating
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng, key_of
from simulacra.core.spaces.plain import Real
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import points
from simulacra.nets.captions.matching import Matching, ranking_loss

log = logging.getLogger("simulacra")

SIZE, BATCH, RATE = 64, 64, 2e-3
STEPS, EPOCHS, PIXELS = 800, 30, 1024  # most steps, for pictures of at most 32 x 32
FEWEST = 200
UNTOLD = -100  # class where a caption does not say one: left out of a cross entropy

Groups = Mapping[str, Sequence[str]]


class Judge(nn.Module):
    """Equations (1) and (2).

    Args:
        shape: shape of a picture's features, (C, H, W).
        tokens: space of the captions.
        groups: words of each group.
    """

    def __init__(self, shape: Sequence[int], tokens: Tokens, groups: Groups):
        super().__init__()
        self.tokens, self.groups = tokens, dict(groups)
        self.matching = Matching(Real(tuple(shape)), tokens, SIZE)
        self.heads = nn.ModuleDict({name: nn.Linear(SIZE, len(words)) for name, words in groups.items()})

    def losses(self, h: Tensor, c: Tensor) -> Tensor:
        """Returns the hinge loss of (1) and the cross entropies of (2), summed, shape ().

        Args:
            h: features of pictures, shape (B, C, H, W).
            c: their captions, shape (B, T).
        """
        v = self.matching.of_pictures(h)
        loss = ranking_loss(v, self.matching.of_captions(c), c).mean()
        for name, words in self.groups.items():
            told = words_told(self.tokens, c, words)
            if bool((told >= 0).any()):
                loss = loss + F.cross_entropy(self.heads[name](F.relu(v)), told, ignore_index=UNTOLD)
        return loss

    def views(self, h: Tensor) -> Tensor:
        """Returns phi(x) of pictures, shape (B, SIZE), without gradient.

        Args:
            h: features of pictures, shape (B, C, H, W).
        """
        with evaluating(self):
            return torch.cat([self.matching.of_pictures(part.float()) for part in h.split(CHUNK)])

    def fits(self, v: Tensor, c: Tensor) -> Tensor:
        """Returns s of each view with each caption, shape (B, captions).

        Args:
            v: phi(x), shape (B, SIZE).
            c: captions, shape (captions, T).
        """
        with evaluating(self):
            return v @ self.matching.of_captions(c).T

    def shown(self, v: Tensor, name: str) -> Tensor:
        """Returns the likeliest word of a group for each view, shape (B,).

        Args:
            v: phi(x), shape (B, SIZE).
            name: name of the group.
        """
        with evaluating(self):
            return self.heads[name](F.relu(v)).argmax(1)


def words_told(tokens: Tokens, c: Tensor, words: Sequence[str]) -> Tensor:
    """Returns the number of the one word of a group in a caption, shape (B,); UNTOLD for none or several.

    Args:
        tokens: space of the captions.
        c: captions, shape (B, T).
        words: words of the group.

    Example:
        >>> space = Tokens((3,), 4, ("<end>", "a", "red", "blue"), unit="words")
        >>> words_told(space, space.rows(["a red", "blue a", "a", "red blue"]), ("red", "blue")).tolist()
        [0, 1, -100, -100]
    """
    codes = torch.tensor([tokens.codes.get(word, -1) for word in words], device=c.device)
    there = (c.long().unsqueeze(2) == codes).any(1)
    return torch.where(there.sum(1) == 1, there.long().argmax(1), UNTOLD)


def groups_of(data: Dataset) -> Groups:
    """Returns the groups of words that a data set declares as `truth.attributes`; {} where it declares none.

    Args:
        data: data set with captions.
    """
    groups: Groups = getattr(data.truth, "attributes", {})
    return groups


def trained_judge(data: Dataset, seed: int = 0) -> Judge:
    """Trains a judge on the training rows, in at most half a minute on one core.

    Args:
        data: pictures with captions.
        seed: seed of initial weights and batches.
    """
    assert data.conditioning is not None
    tokens, train = data.conditioning.raw, data.train
    assert isinstance(tokens, Tokens)
    shape = tuple(points(data.preprocessing, train.rows(torch.arange(1)).x).shape[1:])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key_of(seed, "judge"))
        judge = Judge(shape, tokens, groups_of(data)).float()
    rows = torch.arange(len(train)) if train.c_known is None else train.c_known.cpu().nonzero()[:, 0]
    most = round(STEPS * min(1.0, PIXELS / math.prod(shape[1:])))
    steps = min(max(FEWEST, most), max(1, EPOCHS * len(rows) // BATCH))
    log.info("training a judge of captions on the training rows of %s: %d steps", data.name, steps)
    optimizer, rng = torch.optim.Adam(judge.parameters(), fused=True), Rng(seed, "judge")
    judge.train()
    for step in each(range(steps), "judge"):
        chosen = rows[rng.permutation(f"step {step}", len(rows))[:BATCH]]
        batch = train.rows(chosen)
        assert batch.c is not None
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.zero_grad()
        judge.losses(points(data.preprocessing, batch.x.cpu(), step).float(), batch.c.cpu()).backward()
        optimizer.step()
    return judge.eval()
