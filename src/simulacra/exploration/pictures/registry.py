"""The registry of pictures: names, functions, and the capabilities and spaces that they need.

Pictures with rows of the data (reconstructions, neighbours, ends of interpolations) are written to `private/`
in the run folder, pictures with samples only to the run folder itself. Samples of a model whose condition is
no label are made from the conditions of held-out rows, and those of some models are training rows: their
pictures are private, too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.chains import stationary
from simulacra.core.capabilities.paired import draws_pairs
from simulacra.core.corruption.corruption import numeric
from simulacra.core.methods.targets import targets_of
from simulacra.core.model import Model
from simulacra.core.progress.tasks import each
from simulacra.core.scores.likelihood import CutShort
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Real
from simulacra.core.spaces.tokens import Tokens
from simulacra.core.storage.links import check_links
from simulacra.data.dataset import Dataset
from simulacra.data.pairs.past import frames_before
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.frames.films import films_picture
from simulacra.exploration.frames.rollout import stacks
from simulacra.exploration.live.sample_history import FOLDER as KEPT
from simulacra.exploration.live.sample_history import NAME, History, read_history
from simulacra.exploration.pictures import figures
from simulacra.exploration.pictures import filters as energies
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.answers.denoised import denoised_picture
from simulacra.exploration.pictures.answers.looks import in_looks, looks_picture
from simulacra.exploration.pictures.answers.optimized import optimized_picture
from simulacra.exploration.pictures.answers.predicted import predicted_picture
from simulacra.exploration.pictures.answers.there_and_back import there_and_back
from simulacra.exploration.pictures.answers.translated import translated_picture
from simulacra.exploration.pictures.completion import completion_picture, shows
from simulacra.exploration.pictures.correlations import as_columns, correlations
from simulacra.exploration.pictures.critic import critic_field
from simulacra.exploration.pictures.dimension import dimension_picture
from simulacra.exploration.pictures.pairs import pairs
from simulacra.exploration.pictures.progression import snapshots
from simulacra.exploration.pictures.rates import rate_picture
from simulacra.exploration.pictures.saliency import saliency_picture
from simulacra.exploration.private import PRIVATE, private_folder
from simulacra.training.callbacks.looks import shows_rows
from simulacra.training.state.metrics import read_numbers

BUDGET, SEARCHING = 60.0, 0.3  # seconds for all pictures; share of them for each search for codes
PLACES = ("", f"{PRIVATE}/")


def pictures(
    model: Model,
    data: Dataset,
    folder: str | Path,
    seed: int = 0,
    metrics: Sequence[Mapping[str, Any]] | None = None,
    only: str | None = None,
    budget: float | None = BUDGET,
    history: History | None = None,
    **options: Any,
) -> dict[str, Path]:
    """Write the pictures of a trained model into a run folder.

    Args:
        model: to draw.
        data: that the model was built for.
        folder: it may hold `metrics.csv`; pictures with rows of the data go to its `private/`.
        seed: same seed, same pictures.
        metrics: rows of the metrics; None: those of the folder.
        only: name of one picture; None: all that model and data allow.
        budget: seconds for all pictures; a search for codes takes at most 0.3 of them; None: no limit.
        history: snapshots as `read_history` returns them, used if `metrics` is given; otherwise those of the
            folder.
        options: of that picture, such as `known="left"` of `completions`.

    Returns:
        The path of each picture that was written, by its name.

    Raises:
        ValueError: if model and data do not fit, or do not allow the one picture.
        KeyboardInterrupt: with the pictures so far in `done`.

    Example:
        >>> import simulacra, tempfile
        >>> data = simulacra.load_data("ring")
        >>> sorted(pictures(simulacra.PPCA(data.space, latent=1), data, tempfile.mkdtemp()))
        ['latent_map', 'samples', 'samples_and_data']
    """
    from simulacra.exploration.rendering.figure import render
    from simulacra.exploration.rendering.style import save

    folder = Path(folder)
    check_links(
        folder,
        PRIVATE,
        "metrics.csv",
        KEPT,
        f"{KEPT}/{NAME}",
        *(f"{place}{p.name}.png" for p in PICTURES for place in PLACES),
    )
    kept = read_history(folder) if metrics is None else history
    album = album_of(model, data, seed, _metrics(folder) if metrics is None else metrics, kept)
    album.seconds = None if budget is None else SEARCHING * budget
    all_of_them = [kind for kind in possible(album) if not kind.asked]
    wanted = all_of_them if only is None else [chosen(album, only, options)]
    drawn: dict[str, Path] = {}
    try:
        for kind in each(wanted, "pictures", "picture", even=False):
            picture = kind.draw(album, **options)
            if picture is not None:
                place = private_folder(folder) if kind.private(album) else folder
                drawn[kind.name] = save(render(picture), place / f"{kind.name}.png")
    except KeyboardInterrupt:
        raise CutShort(drawn) from None
    if only is not None and not drawn:
        raise ValueError(f"{only} has nothing to show of {type(model).__name__} on {data.name}.")
    return drawn


def album_of(
    model: Model,
    data: Dataset,
    seed: int,
    metrics: Sequence[Mapping[str, Any]],
    history: History | None = None,
) -> Album:
    """The album of a model and its data, from which all pictures are computed.

    Args:
        model: to draw.
        data: that the model was built for.
        seed: of all random draws.
        metrics: rows of the metrics file; empty: none.
        history: snapshots that training kept, or None.

    Raises:
        ValueError: if model and data do not fit.
    """
    if model.space != data.space:
        raise ValueError(f"the model was built for {model.space}, but {data.name} holds {data.space}.")
    return Album(model, data.under(model.preprocessing, model.conditioning), seed, metrics, history=history)


def possible(album: Album) -> list[Kind]:
    """The kinds of pictures that model and data allow."""
    return [picture for picture in PICTURES if not picture.lacks(album)]


def listing(album: Album) -> str:
    """A clause with the names of the pictures that model and data allow."""
    names = ", ".join(picture.name for picture in possible(album))
    return f"{type(album.model).__name__} on {album.data.name} can be drawn as {names or 'no picture'}."


def chosen(album: Album, name: str, options: Mapping[str, Any]) -> Kind:
    """The kind of picture with the given name.

    Args:
        album: model and data.
        name: such as `samples`.
        options: that the picture must take.

    Raises:
        ValueError: if there is no such picture, model and data do not allow it, or it has no such option.
    """
    picture = next((p for p in PICTURES if p.name == name), None)
    if picture is None:
        raise ValueError(f"there is no picture {name!r}: {listing(album)}")
    if lacks := picture.lacks(album):
        raise ValueError(f"{name} needs {lacks}; {listing(album)}")
    for option in options:
        if option not in picture.options:
            owners = ", ".join(p.name for p in PICTURES if option in p.options)
            raise ValueError(
                f"{name} takes no {option}{f': that is an option of {owners}' if owners else ''}."
            )
    return picture


def _metrics(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "metrics.csv").is_file():
        return []
    return read_numbers(folder / "metrics.csv")


@dataclass(frozen=True)
class Need:
    """One condition that model and data must meet.

    Args:
        phrase: completes the sentence "the picture needs ...".
        met: returns True if an album meets it.
    """

    phrase: str
    met: Callable[[Album], bool]


SAMPLES = Need("a model that samples", lambda album: album.can(can.Samples))
ENCODES = Need("a model that encodes", lambda album: album.can(can.Encodes))
CODES = Need("a model that encodes and decodes", lambda album: album.can(can.Encodes, can.Decodes))
RECONSTRUCTS = Need("a model whose reconstructions have errors", lambda album: can.reconstructs(album.model))
DECODES = Need("a model that decodes", lambda album: album.can(can.Decodes))
SEARCHED = Need(
    "a model whose codes must be searched for, as it has no encoder", lambda album: not album.can(can.Encodes)
)
PRIOR = Need("a model that decodes codes of a prior", lambda album: album.has_prior)
EXPECTED = Need(
    "a model that takes a condition, or whose samples are not what it decodes",
    lambda album: album.conditional or album.gaussian,
)
CRITIC = Need("a model with a critic", lambda album: album.can(can.HasCritic))
LABELS = Need("held-out rows of at least three classes", lambda album: len(album.kinds) > 2)
COMPLETES = Need("a model that completes", lambda album: album.can(can.Completes))
IMAGES = Need("images", lambda album: album.space.image)
RECORDINGS = Need("recordings", lambda album: isinstance(album.space, Audio))
IMAGES_OR_TEXTS = Need(
    "images or texts",
    lambda album: album.space.image or (isinstance(album.space, Tokens) and bool(album.space.names)),
)
NO_IMAGES = Need("data that are no images", lambda album: not album.space.image)
TABLE = Need(
    "a table of two columns or more, or vectors of more than five real numbers",
    lambda album: as_columns(album.space) is not None,
)
ROWS = Need("images, a table of two columns or more, or 0/1 vectors", lambda album: shows(album.space))
PLANE = Need(
    "images, or points of two numbers with a Gaussian prior",
    lambda album: (
        album.space.image or (isinstance(album.space, Real) and album.space.dims == 2 and album.gaussian)
    ),
)
POINTS = Need(
    "points of two numbers",
    lambda album: isinstance(album.space, Real) and album.space.dims == 2,
)
NO_CONDITION = Need("a model without a condition", lambda album: not album.conditional)
CLASSES = Need(
    "a condition of at most 20 classes, or none",
    lambda album: not album.conditional or 0 < album.classes <= 20,
)
NUMBERS = Need("rows of 0/1, levels or real numbers", lambda album: numeric(album.space))
LEADS = Need(
    "a model that translates to classes",
    lambda album: album.can(can.Translates) and can.able(album.model, can.Translates).targets is not None,
)
TRANSLATES = Need(
    "a model whose condition is an image, a wave or another observation, or that leads rows to classes",
    lambda album: draws_pairs(album.model) or targets_of(album.model) is not None,
)
FRAMES = Need(
    "a model of images whose condition are the frames before",
    lambda album: (
        draws_pairs(album.model)
        and album.space.image
        and frames_before(album.data) > 0
        and (chain := album.model.conditioning) is not None
        and stacks(chain.raw, album.space)
    ),
)
DENOISES = Need("a model that denoises", lambda album: album.can(can.Denoises))
PREDICTS = Need("a model that predicts", lambda album: album.can(can.Predicts))
SEARCHES = Need(
    "a model that predicts from a code", lambda album: album.can(can.PredictsFromCode, can.Decodes)
)
TEXTS = Need(
    "texts whose tokens have names", lambda album: isinstance(album.space, Tokens) and bool(album.space.names)
)
GIVEN = Need("held-out rows with the numbers that it predicts", lambda album: album.held_out.c is not None)
WHOLE = Need("held-out rows without missing entries", lambda album: album.held_out.known is None)
RATED = Need("a model with rates", lambda album: album.can(can.HasRates))
FILTERS = Need("a model with filters", lambda album: album.can(can.HasFilters))
STATIONARY = Need("a model that steps a stationary Markov chain", lambda album: stationary(album.model))
FINITE = Need(
    "a model that steps a Markov chain of finite length",
    lambda album: album.can(can.HasMarkovChain) and not stationary(album.model),
)
LOOKS = Need(
    "a model that draws in a few looks and not by a chain, such as level by level",
    lambda album: in_looks(album.model),
)
TWO = Need("two held-out rows", lambda album: len(album.held_out) >= 2)
ENDS = Need("a prior or two held-out rows", lambda album: album.has_prior or TWO.met(album))
HISTORY = Need(
    "a run that kept samples of two numbers while it trained",
    lambda album: album.history is not None and bool(album.history.snapshots),
)
METRICS = Need("a run that recorded its training", lambda album: bool(album.metrics))


@dataclass(frozen=True)
class Kind:
    """A kind of picture, under the name of its file.

    Args:
        name: such as `samples`.
        draw: computes the picture of an album; None where there is nothing to show.
        needs: conditions that model and data must meet.
        private: returns True if the picture shows rows of the data.
        asked: True if it is drawn only where it is named, since it takes many samples.
    """

    name: str
    draw: Callable[..., Picture | None]
    needs: tuple[Need, ...]
    private: Callable[[Album], bool] = lambda album: False
    asked: bool = False

    def lacks(self, album: Album) -> str:
        """The phrase of the first condition that is not met; empty if all are."""
        return next((need.phrase for need in self.needs if not need.met(album)), "")

    @property
    def options(self) -> list[str]:
        """The names of the options: the arguments of `draw` after the album."""
        return list(inspect.signature(self.draw).parameters)[1:]


def translations(album: Album, n: int | None = None, draws: int | None = None) -> Picture | None:
    """Sources and answers of held-out pairs, or rows led to another class and back.

    Args:
        album: model that translates.
        n: number of rows; None: a few.
        draws: number of draws of each source, of a model of pairs.
    """
    return translated_picture(album, n, draws) if draws_pairs(album.model) else there_and_back(album, n)


def _always(album: Album) -> bool:
    return True


def _shows_rows(album: Album) -> bool:
    """Returns True if samples are made from the conditions of held-out rows, or are training rows."""
    return shows_rows(album.model)


PICTURES: tuple[Kind, ...] = (
    Kind("samples", figures.samples, (SAMPLES,), _shows_rows),
    Kind("samples_and_data", figures.samples_and_data, (SAMPLES, NO_IMAGES), _always),
    Kind("spectrograms", figures.spectrograms, (SAMPLES, RECORDINGS), _always),
    Kind("pairs", pairs, (SAMPLES, TABLE), _always),
    Kind("correlations", correlations, (SAMPLES, TABLE), _shows_rows),
    Kind("random_codes", figures.random_codes, (PRIOR, IMAGES, CLASSES, EXPECTED)),
    Kind("reconstructions", figures.reconstructions, (RECONSTRUCTS, IMAGES), _always),
    Kind("completions", completion_picture, (COMPLETES, ROWS), _always),
    Kind("translations", translations, (TRANSLATES, WHOLE), _always),
    Kind("films", films_picture, (FRAMES, WHOLE), _always),
    Kind("denoised", denoised_picture, (DENOISES, IMAGES, WHOLE), _always),
    Kind("predictions", predicted_picture, (PREDICTS, GIVEN, WHOLE), _always),
    Kind("optimized", optimized_picture, (SEARCHES, TEXTS)),
    Kind("inversions", figures.inversion_picture, (DECODES, SEARCHED, IMAGES), _always),
    Kind("latent_map", figures.latent, (ENCODES, TWO)),
    Kind("analogies", figures.analogies, (LEADS, IMAGES, CLASSES), _always),
    Kind("rates", rate_picture, (RATED,)),
    Kind("manifold", figures.manifold_picture, (CODES, NO_CONDITION, TWO, PLANE)),
    Kind(
        "interpolations",
        figures.interpolation_picture,
        (DECODES, IMAGES_OR_TEXTS, ENDS),
        lambda album: not album.has_prior or _shows_rows(album),
    ),
    Kind("arithmetic", figures.arithmetic_picture, (DECODES, IMAGES, NO_CONDITION, LABELS), _always),
    Kind("saliency", saliency_picture, (SAMPLES, CRITIC, IMAGES), _shows_rows),
    Kind("critic_field", critic_field, (SAMPLES, CRITIC, POINTS, NO_CONDITION), _always),
    Kind("snapshots", snapshots, (SAMPLES, HISTORY), _always),
    Kind("filters", energies.filters, (FILTERS,)),
    Kind("fantasies", energies.fantasies, (STATIONARY, IMAGES), _shows_rows),
    Kind("trajectory", energies.trajectory, (FINITE, IMAGES_OR_TEXTS), _shows_rows),
    Kind("looks", looks_picture, (SAMPLES, LOOKS, IMAGES, CLASSES), _shows_rows),
    Kind("dimension", dimension_picture, (SAMPLES, NUMBERS, WHOLE), asked=True),
    Kind("training_curves", figures.curves, (METRICS,)),
    Kind("neighbours", figures.neighbours, (SAMPLES, IMAGES), _always),
)
