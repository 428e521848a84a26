"""No sentence of the source suggests a command or an option that no test runs."""

import re

import pytest
from message_sites import LITERAL, SOURCE, sites, sites_in
from suggested import commands_in, options_in
from test_suggested_arguments import REFUSED
from test_suggested_commands import SENTENCES
from text_suggestions import CASES

# what suggests nothing that could be typed as it stands, or is no refusal, and why
FORMS = (
    (
        "models/boltzmann/recurrent/factored_crbm.py",
        "the style of each sequence: load the data",
        "tests/data/test_motion.py loads with it",
    ),
    ("core/errors/suggestion.py", "`simulacra {}`", "the form of all commands"),
    (
        "data/text/reader.py",
        "stand beside the texts: to give the model a column load it with",
        "a note; tests/data/test_text_conditions.py loads with it",
    ),
    (
        "data/dataset.py",
        "choose one of these, or to train",
        "tests/cli/test_cli_few_recordings.py loads with it",
    ),
    ("data/images/depth.py", "if the camera has {} bits, add levels={}", "a note of `data inspect`"),
    (
        "evaluation/tasks/downstream.py",
        "train it with {}",
        "tests/evaluation/test_downstream.py trains with a label",
    ),
    ("exploration/latent/interpolation.py", "use how='lerp'", "an argument in Python"),
    (
        "models/adversarial/game/monitor.py",
        "objective=wasserstein with",
        "a warning; tests/suggestions/test_advice_is_run.py, test_alarms.py",
    ),
    (
        "models/adversarial/paired/srgan.py",
        "load images with {}",
        "tests/cli/test_cli_super_resolution.py trains with it",
    ),
    (
        "exploration/frames/rollout.py",
        "and train one",
        "tests/exploration/test_volumes_and_films.py trains with it",
    ),
    ("core/methods/rows.py", "load the data with {}", "tests/cli/test_first_hour_of_pairs.py trains with it"),
    (
        "models/adversarial/captions/stackgan.py",
        "use {}",
        "the end of a sentence of refused_captions.py",
    ),
    ("models/adversarial/captions/stackgan.py", "load the pictures with {}", "the same sentence"),
    ("core/methods/rows.py", "or another image", "the same sentence"),
    ("models/autoencoders/circles.py", ": give {}", "the end of a sentence of refused_pairs.py"),
    ("models/autoencoders/circles.py", "with types= or as", "an option without a value"),
    ("nets/adversarial/dense.py", "start_dim={}", "arguments of layers of torch"),
    ("nets/adversarial/dense.py", "return_indices=False", "arguments of layers of torch"),
    ("nets/adversarial/dense.py", "ceil_mode=False", "arguments of layers of torch"),
    (
        "training/hardware/launch.py",
        "out of memory on {}",
        "tests/reliability/test_memory.py fills the memory",
    ),
    ("training/loop.py", "the weight {} is not finite", "tests/reliability/test_failures.py diverges"),
    ("training/loop.py", "the loss term {} of update {}", "tests/reliability/test_failures.py diverges"),
    (
        "training/steps/optimizer_steps.py",
        "several processes do not split",
        "tests/reliability/test_processes.py has two",
    ),
    ("cli/app.py", "usage: simulacra COMMAND", "placeholders"),
    ("cli/commands/data.py", "usage: simulacra data", "placeholders"),
    ("cli/inspect.py", "simulacra data inspect PATH_OR_NAME", "placeholders"),
    ("cli/commands/models.py", "`simulacra models NAME`", "placeholders"),
    ("cli/options/drawing.py", "sets an option of drawing", "placeholders"),
    ("cli/commands/recipes.py", "`simulacra reproduce NAME`", "placeholders"),
    ("cli/commands/train.py", "usage: simulacra train MODEL DATA", "placeholders"),
    ("cli/commands/train.py", "to train longer: {}", "tests/cli/test_first_answers.py runs it"),
    ("core/errors/other_data.py", "a class: drop it with types=", "an option without a value"),
    ("core/errors/other_data.py", "are classes: drop them with types=", "an option without a value"),
    (
        "data/catalog/names.py",
        "run {}",
        "the network; tests/data/test_fetch.py has a server",
    ),
    (
        "data/images/tiff.py",
        "save it with 16 bits a value, and load it",
        "in test_suggested_data.py, after saving",
    ),
    ("data/limits.py", "if you trust it load it with {}", "tests/reliability/test_hostile.py runs it"),
    ("data/inspection/facts.py", "one value a row, for label=", "options without values"),
    ("data/splits/cut.py", "leave none of the", "says what was given"),
    ("data/tables/columns.py", "declare what is to be modelled with types=", "an option without a value"),
    (
        "models/adversarial/game/labelled_stream.py",
        "the rows have no label",
        "as game.py, which refuses before it",
    ),
    ("models/autoencoders/gaussian_copula.py", "load the table without standardize=", "leaves an option out"),
    ("training/fit.py", "so it cannot end here", "tests/cli/test_fourth_hour.py runs it"),
    ("training/hardware/launch.py", "was ended from outside", "tests/cli/test_cli_two_processes.py runs it"),
    ("models/diffusion/teacher.py", "go on with {}.", "as training/run.py, which says the same"),
    ("models/boltzmann/deep/mp_dbm.py", "the condition of a multi-prediction DBM", "as labelled.py"),
)


def covered(site):
    """Whether a test or an exception above names the sentence."""
    named = [(case.site, case.words) for case in CASES] + [*SENTENCES] + [form[:2] for form in FORMS]
    named += [case[:2] for case in REFUSED]
    return any(site.file == file and words in site.text for file, words in named)


def test_each_suggestion_of_the_source_is_run_by_a_test():
    assert [f"{site.file}:{site.line}: {site.text}" for site in sites() if not covered(site)] == []


# texts that are no refusals: help, examples, notes and warnings of data, refusals that stand in a table
UNSAID = {
    *(
        "cli/app.py",
        "cli/commands/data.py",
        "cli/commands/demo.py",
        "cli/inspect.py",
        "cli/commands/models.py",
        "cli/options/drawing.py",
        "cli/options/plan.py",
    ),
    *(
        "cli/commands/recipes.py",
        "cli/commands/train.py",
        "core/errors/suggestion.py",
        "data/inspection/facts.py",
    ),
    *(
        "data/images/depth.py",
        "data/leaks/search.py",
        "evaluation/compare/remedies.py",
        "models/adversarial/game/monitor.py",
    ),
}
# and what names an option whose value nobody can know, or that is given already
OPEN = (
    ("cli/start.py", "leave out --data.condition"),
    ("data/splits/cut.py", "leave none of the"),
    ("data/tables/columns.py", "declare what is to be modelled with types={}"),
    ("exploration/latent/interpolation.py", "use how='lerp'"),
    ("nets/adversarial/dense.py", ""),
)


def as_text(site):
    """Whether a sentence writes what it suggests as words alone, without the data."""
    known = site.file in UNSAID or any(site.file == file and words in site.text for file, words in OPEN)
    return LITERAL.search(site.text) is not None and not known


@pytest.mark.fault("doors 2.6")
def test_what_a_refusal_suggests_is_data():
    assert [f"{site.file}:{site.line}: {site.text}" for site in sites() if as_text(site)] == []


@pytest.mark.fault("doors 2.6")
@pytest.mark.parametrize(
    "source",
    [
        'raise ValueError(f"{path} is odd: run `simulacra evaluate {path}` again.")',
        "raise ValueError(\"load the data with binarize='static'.\")",
        "raise ValueError(f'it is too long: use crop={n}.')",
        "mend = 'take estimator=\"cd\"'",
    ],
)
def test_a_new_sentence_without_the_data_is_refused(source):
    (site,) = sites_in(source, SOURCE / "new.py", SOURCE)
    assert as_text(site)


def test_each_name_of_a_sentence_has_one():
    texts = sites()
    for file, words in [*((case.site, case.words) for case in CASES), *SENTENCES, *(f[:2] for f in FORMS)]:
        if (file, words) not in LISTS:
            assert any(site.file == file and words in site.text for site in texts), (file, words)


# sentences that name options through a function, so that no literal text suggests them
LISTS = {
    ("data/images/geometry.py", "the images of "),
    ("data/images/geometry.py", "remove it, or load the data with "),
}


@pytest.mark.parametrize(
    "source",
    [
        'raise ValueError(f"{path} is odd: run `simulacra evaluate {path}` again.")',
        "raise ValueError(\"load the data with binarize='static'.\")",
        'log.warning("drop them (--data.duplicates drop)")',
    ],
)
def test_a_new_suggestion_is_seen(source):
    (site,) = sites_in(source, SOURCE / "new.py", SOURCE)
    assert not covered(site) and re.search("simulacra|load|--data", site.text)


def test_suggestions_are_read_as_they_are_typed():
    assert options_in("load it with validation=0 and test=0, or load it with decimal=','.") == [
        {"validation": "0", "test": "0"},
        {"decimal": ","},
    ]
    assert commands_in("go on with `simulacra train --resume 'a b'`.") == [["train", "--resume", "a b"]]
