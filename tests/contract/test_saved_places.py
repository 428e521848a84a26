"""A model is saved where nothing of the user's is lost."""

from __future__ import annotations

import stat

import torch

import simulacra
from contract.cases import named, real
from contract.saving import QUIET
from data.refusal import sentence_of
from simulacra.core.spaces.plain import Real


def test_a_run_is_not_overwritten(tmp_path):
    """Its configuration says what it was trained on; a saved model is replaced."""
    run = simulacra.fit(named("ppca").build(), real(3), out=tmp_path / "run", **QUIET)
    before = {p: p.read_bytes() for p in run.path.iterdir()}
    sentence_of(lambda: run.model.save(run.path), "holds a run", "elsewhere")
    assert {p: p.read_bytes() for p in run.path.iterdir()} == before
    for latent in (1, 2):
        simulacra.PPCA(Real((3,)), latent=latent).save(tmp_path / "saved")
    assert simulacra.load(tmp_path / "saved").arguments["latent"] == 2


def test_places_that_are_taken(tmp_path):
    model = simulacra.PPCA(Real((3,)), latent=2)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"architectures": ["another"]}')
    sentence_of(lambda: model.save(tmp_path / "file"), "is a file")
    sentence_of(lambda: model.save(tmp_path / "folder.safetensors"), "is a folder")
    sentence_of(lambda: model.save(tmp_path / "other"), "not written by simulacra")
    assert [p.name for p in (tmp_path / "other").iterdir()] == ["config.json"]


def test_a_model_that_is_none_is_not_saved(tmp_path):
    model = simulacra.PPCA(Real((3,)), latent=2)
    with torch.no_grad():
        next(iter(model.state_dict().values())).view(-1)[0] = torch.nan
    sentence_of(lambda: model.save(tmp_path / "m.safetensors"), "NaN or infinite", "not saved")
    assert not list(tmp_path.iterdir())


def test_others_may_read_what_the_umask_allows(tmp_path):
    simulacra.PPCA(Real((3,)), latent=2).save(tmp_path / "m")
    (tmp_path / "plain").touch()
    modes = {stat.S_IMODE(p.stat().st_mode) for p in [tmp_path / "plain", *(tmp_path / "m").iterdir()]}
    assert len(modes) == 1
