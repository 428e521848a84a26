"""Methods that draw: `sample` whole rows, `complete` the unknown entries of given ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.sampling import chosen, names_of
from simulacra.core.capabilities.watching import Canvas
from simulacra.core.errors.calls import checked
from simulacra.core.errors.outputs import check_drawn
from simulacra.core.inputs.chunks import Rows, rows_within
from simulacra.core.inputs.convert import check_gaps
from simulacra.core.inputs.strings import beginnings, check_behind
from simulacra.core.methods import rows as by_rows
from simulacra.core.methods.points import LARGEST, Point, point_of
from simulacra.core.methods.rows import RawRows, chunks_of, evaluating
from simulacra.core.numerics.precision import precise_device
from simulacra.core.progress.tasks import stage
from simulacra.core.random.keyed import Rng, fresh


class Drawing(RawRows):
    """The methods `sample` and `complete`."""

    @checked
    def sample(
        self,
        n: int,
        condition: Any = None,
        seed: int | None = None,
        watch: Callable[..., None] | None = None,
        **how: Any,
    ) -> Tensor:
        """Draws n samples in raw units, shape (n, *). Sample i does not depend on n.

        Args:
            n: number of samples.
            condition: one condition for all samples, or one for each, where the model takes a condition.
            seed: the same seed gives the same samples; None: new samples in each call, from torch's global
                generator.
            watch: callback `watch(t, total, x, known)` for models that draw in several looks, entry by entry
                or by the steps of a chain: called after each with a copy of the n rows so far in raw units,
                and True for entries that are drawn (see `core.capabilities.watching`).
            how: the model's options of drawing by name, such as `burn_in` or `temperature`; `model.sampling`
                holds them with the values that apply otherwise.

        Raises:
            ValueError: if the model cannot sample, or not in several looks, a condition is missing, or the
                model has no such option of drawing.

        Example:
            >>> from simulacra import PPCA, Real
            >>> model = PPCA(Real((5,)), latent=2)
            >>> bool((model.sample(3, seed=0) == model.sample(4, seed=0)[:3]).all())
            True
        """
        self._need("sample", can.Samples)
        options = chosen(self, how)
        if n < 0:
            raise ValueError(f"n is {n}, but a number of samples is at least 0.")
        c = self._condition(condition, n)
        rng = Rng(fresh(seed), "sample", device=self.device)
        chunk = rows_within(self.space, by_rows.CHUNK)
        canvas = None if watch is None else Canvas(watch, self, n, chunk, options)
        more: dict[str, Any] = {"how": options} if names_of(type(options)) else {}
        draws, parts = can.able(self, can.Samples), []
        with evaluating(cast(nn.Module, self)), stage("samples", n, "sample") as progress:
            for rows in chunks_of(n, chunk):
                progress.part = len(rows)
                more |= {} if canvas is None else {"watch": canvas.on(rows)}
                x = draws.draw(rng.on(rows), None if c is None else c[rows.start : rows.stop], **more)
                check_drawn(self, x, len(rows))
                parts.append(self.preprocessing.inverse(x))
                progress.advance(len(rows))
        return torch.cat(parts) if parts else torch.empty(0, *self.space.shape)

    @checked
    def complete(
        self,
        x: Any,
        known: Any = None,
        condition: Any = None,
        seed: int | None = None,
        method: str | None = None,
        point: Point | None = None,
        draws: int = 100,
        **how: Any,
    ) -> Tensor:
        """Draws the unknown entries of x given the known ones; returns all of x, shape (B, *).

        Known entries come back unchanged. Equal rows get different completions, and with `point` equal ones:
        the single best value of each entry over many draws (`core.methods.points`).

        Args:
            x: raw observations, shape (B, *); values at unknown entries are ignored.
            known: True = keep, False = draw; shape of x or of one observation. None: draw the NaN of a table,
                and go on with a text.
            condition: one condition for all rows, or one for each.
            seed: the same seed gives the same completions; None: new ones, from torch's global generator.
            method: way of completing, for models with several (`pseudo-gibbs` of a VAE); None: the first.
            point: `mean` for the mean of the draws of a number, with the least squared error; `median` for
                their median, a value that was drawn; classes get the likeliest one in both cases. None: one
                draw.
            draws: number of draws that a point estimate summarizes; models that weigh candidates take ten
                times as many.
            how: options of drawing by name, such as `temperature` and `top_k` of models that draw entry by
                entry; others have none.

        Raises:
            ValueError: if the model cannot complete, or not in this way, or `known` keeps all or nothing, or
                `draws` is below 1, or the model completes without such an option.

        Example:
            >>> from simulacra import PPCA, Real
            >>> PPCA(Real((2,)), latent=1).complete([[3.0, 0.0]], known=[True, False])[0, 0].item()
            3.0
        """
        self._need("complete", *can.FILLS)
        known = beginnings(self.preprocessing.raw, x) if known is None else known
        raw, there = self._raw(x, known, can.FILLS)
        check_gaps(self.preprocessing.raw, known, there)
        if not (self.supports(can.HasConditionals) or (isinstance(self, can.Completes) and self.any_gaps)):
            check_behind(self.preprocessing.raw, raw, there, type(self).__name__)
        if point is not None:
            return self._point(raw, there, condition, seed, method, point, draws, how)
        return self._complete(raw, there, condition, fresh(seed), method=method, how=how)

    def _way(self, method: str | None, how: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Returns the arguments of `fill` for a way of completing and options of drawing.

        Raises:
            ValueError: if there is no such way, or no such option.
        """
        ways = self.completions if isinstance(self, can.Completes) else ()
        options = chosen(self, how or {}, "complete")
        more: dict[str, Any] = {"how": options} if how else {}
        if method is None or method in ways:
            return more if method is None else {**more, "method": method}
        said = f"possible are {', '.join(ways)}" if ways else "it completes in one way: leave method= out"
        raise ValueError(f"{type(self).__name__} does not complete by method={method!r}; {said}.")

    def _complete(
        self,
        raw: Any,
        there: Any,
        condition: Any,
        seed: int,
        first: int = 0,
        method: str | None = None,
        how: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Returns completions of rows from place `first` on among all rows that belong together."""
        way = self._way(method, how)
        rng = Rng(seed, "complete", device=self.device)
        fills = self if isinstance(self, can.Completes) else can.able(self, can.Continues)
        parts = []
        with evaluating(cast(nn.Module, self)):
            for rows in self._chunks(raw, condition, rng, there, can.FILLS, first=first):
                keep = torch.ones_like(rows.y, dtype=torch.bool) if rows.known is None else rows.known
                filled = self.preprocessing.inverse(fills.fill(rows.y, keep, rows.rng, rows.c, **way))
                parts.append(_with_known(filled, rows.raw, keep))
        return torch.cat(parts)

    def _point(
        self,
        raw: Any,
        there: Any,
        condition: Any,
        seed: int | None,
        method: str | None,
        point: Point,
        draws: int,
        how: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Returns rows with point estimates, keyed by what a row holds, as scores are."""
        if draws < 1:
            raise ValueError(f"draws is {draws}, but a point estimate needs at least 1, such as 100.")
        way = self._way(method, how)
        rng, parts = Rng(seed or 0, "point", device=self.device), []
        with evaluating(cast(nn.Module, self)):
            for rows in self._chunks(raw, condition, rng, there, can.FILLS):
                size = max(1, LARGEST // (can.WEIGHED * draws * self.space.dims))
                cuts = [slice(i, i + size) for i in range(0, len(rows.y), size)]
                parts += [self._points(rows, cut, way, point, draws) for cut in cuts]
        return torch.cat(parts)

    def _points(self, rows: Rows, cut: slice, way: dict[str, Any], point: Point, draws: int) -> Tensor:
        """Returns the point estimates of a piece of a chunk."""
        y, c = rows.y[cut], None if rows.c is None else rows.c[cut]
        known = torch.ones_like(y, dtype=torch.bool) if rows.known is None else rows.known[cut]
        rng = rows.rng.on(rows.rng.rows[cut])
        fills = self if isinstance(self, can.Completes) else can.able(self, can.Continues)
        if isinstance(fills, can.Completes) and "how" not in way:
            x, log_w = fills.weighted_fills(y, known, rng, c, draws, **way)
        else:
            x, log_w = can.repeated_fills(fills, y, known, rng, c, draws, **way)
        x = self.preprocessing.inverse(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return _with_known(
            point_of(self.preprocessing.raw, x, log_w.to(x.device), point), rows.raw[cut], known
        )


def _with_known(filled: Tensor, raw: Tensor, known: Tensor) -> Tensor:
    """Returns the filled rows with their known entries bit for bit."""
    wide = torch.promote_types(raw.dtype, filled.dtype)
    at = precise_device(filled.device) if wide == torch.float64 else filled.device
    # frames have another shape than the samples of a recording
    return torch.where(known.view(raw.shape).to(at), raw.to(at, wide), filled.to(at, wide))
