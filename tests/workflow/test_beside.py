"""Judging and drawing beside computing: the same bytes, whoever draws them, and nothing that a run would wait for."""

import os
import pickle
import shutil
from dataclasses import replace
from functools import partial
from unittest import mock

import pytest

from harness.compute import UnderWay
from harness.compute._executor import EXECUTORS
from harness.compute._processes import Processes
from harness.compute._progress import Silent
from harness.verdict import ClaimRows, read_results, read_verdicts
from harness.workflow import _beside as beside
from harness.workflow import open_session, verify
from tests.command import Here
from tests.project import ROOT

PAPERS = ("ramanujan2020", "frankle2018")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A project with two papers' claims, in a folder that another process can read them from."""
    project = tmp_path_factory.mktemp("beside") / "project"
    for paper in PAPERS:
        shutil.copytree(ROOT / "claims" / paper, project / "claims" / paper)
    return project


@pytest.fixture(scope="module")
def asked(root):
    """A quick run of both papers with two cores to spare, and what was asked of the processes there."""
    told, submit = [], Processes.submit

    def submitted(processes, function, *given):
        told.append((function.__name__, given[-1]))
        return submit(processes, function, *given)

    def waited(future):
        return future.exception(timeout=120) is None

    session = open_session(quick=True, root=root, store=root / "store", out=root / "beside", device="cpu")
    with (
        mock.patch.object(beside, "idle_cores", return_value=2),
        mock.patch.object(Processes, "submit", submitted),
        mock.patch.object(beside, "_is_good", waited),
        mock.patch.dict(EXECUTORS._things, {"local": Here}),
    ):
        verify(session)
    return session, told


def files(folder):
    """The bytes of each file, by its path in the folder; when rows were computed is no matter."""
    every = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in every.items() if name.name != "results.parquet"}


def test_who_draws_is_no_matter(root, asked):
    """The same bytes in every file, drawn by two processes while others computed or by this one in the end."""
    session, _ = asked
    alone = replace(session, folder=root / "alone")
    with (
        mock.patch.object(beside, "idle_cores", return_value=0),
        mock.patch.dict(EXECUTORS._things, {"local": Here}),
    ):
        verify(alone)
    assert files(session.out) == files(alone.out)
    assert sum(name.suffix == ".svg" for name in files(session.out)) == 1 + sum(
        bool(verdict.parts) for verdict in read_verdicts(session.out / "verdicts.json").claims.values()
    )


def test_a_paper_is_drawn_once_it_is_stored(asked):
    """Only the one of which nothing is computed any more; figures of the other are drawn when all is there."""
    session, told = asked
    (early,) = [{claim.id for claim in pickle.loads(given).claims} for name, given in told if name == "_drawn"]
    (paper,) = {id.partition("/")[0] for id in early}
    assert early == {claim.id for claim in session.claims if claim.paper == paper}
    verdicts = read_verdicts(session.out / "verdicts.json").claims
    later = {id for id, verdict in verdicts.items() if verdict.parts} - early
    assert later
    assert {given for name, given in told if name == "_drawn_of"} == later


def test_a_figure_of_other_rows_is_drawn_again(asked):
    """Early is what was drawn of the same rows and verdict; only what they cost may differ, with who shares it."""
    session, _ = asked
    rows = read_results(session.out / "results.parquet").meta.claims
    id, verdict = next(iter(read_verdicts(session.out / "verdicts.json").claims.items()))
    drawn = beside.Drawn(rows[id], verdict, b"<svg/>")
    assert drawn.is_of(rows[id], verdict)
    assert drawn.is_of(replace(rows[id], cost=None), verdict)
    assert not drawn.is_of(rows[id], replace(verdict, n=verdict.n + 1))
    other: ClaimRows = replace(rows[id], digests=tuple(reversed(rows[id].digests)))
    assert not drawn.is_of(other, verdict)


def test_what_a_process_cannot_draw_is_drawn_here(asked):
    """So that an error is the one that drawing has in this process."""
    session, _ = asked
    verdicts = read_verdicts(session.out / "verdicts.json")
    id = next(id for id, verdict in verdicts.claims.items() if verdict.parts)
    with mock.patch.object(beside, "idle_cores", return_value=1), beside.Beside(session) as others:
        both = replace(verdicts, claims={id: verdicts.claims[id], "a/claim-without-rows": verdicts.claims[id]})
        figure = others.figures(both)
        assert figure(id).startswith(b"<?xml")
        assert figure("a/claim-without-rows") is None
        assert figure("a/claim-that-was-not-judged") is None


def name_of(session):
    """Stands for a look at what is committed."""
    return session.root.name


def end_abruptly(session):
    """Stands for a look that the system ends, as where memory is short."""
    os._exit(1)


def test_what_ends_abruptly_is_done_here(asked):
    """A look, and whatever would be drawn after it: no run ends with what only stands beside it."""
    session, _ = asked
    verdicts = read_verdicts(session.out / "verdicts.json")
    with mock.patch.object(beside, "idle_cores", return_value=1), beside.Beside(session) as others:
        assert others.look(name_of).found == "project"
        ended = others.look(end_abruptly)
        ended._here = partial(name_of, session)
        assert ended.found == ended.found == "project"
        ended.raise_found()
        others._draw_paper(session.claims[0].paper)
        figure = others.figures(verdicts)
        assert {figure(id) for id in verdicts.claims} == {None}


def under_way(number, units):
    return UnderWay(number, "a program", ("a/claim",), units, len(units), 10, 1.0, 2.0)


def test_papers_are_told_of_in_the_order_in_which_they_are_stored():
    """Each once, when its last member is; those of the last population, and what was stored before, are not ahead."""
    told, seen = [], mock.create_autospec(Silent, instance=True)
    due = {"a": {"1", "2"}, "b": {"2", "3"}, "c": set(), "d": {"4"}}
    following = beside._Following(seen, due, told.append)
    assert told == ["c"]
    for number, (units, left) in enumerate([(("1",), 3), (("2",), 2), (("3",), 1), (("4",), 0)], start=1):
        following.end(under_way(number, units), 0.5, left)
    assert told == ["c", "a", "b"]
    assert [call.args[2] for call in seen.end.call_args_list] == [3, 2, 1, 0]
    beside._Following(seen, {"a": set()}, told.append)
    assert told == ["c", "a", "b"]


def test_cores_that_compute_nothing_are_counted(root, monkeypatch):
    """Beside a GPU this process has one for itself; an executor elsewhere leaves all of them."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(16), raising=False)
    session = open_session(root=root, device="cpu")
    assert beside.idle_cores(session) == 16 - 8
    assert beside.idle_cores(replace(session, workers=3)) == 13
    assert beside.idle_cores(replace(session, device="cuda")) == 16 - 4 - 1
    assert beside.idle_cores(replace(session, executor="dask")) == 16


def test_a_session_goes_to_another_process(root):
    """With what was asked for, and the claims of the files that lie there."""
    session = open_session(PAPERS[0], quick=True, root=root, out="results", store="store", device="cpu", workers=1)
    again = pickle.loads(pickle.dumps(session))
    assert [claim.id for claim in again.claims] == [claim.id for claim in session.claims]
    assert again.catalogue.claims.keys() == session.catalogue.claims.keys()
    same = {"catalogue": None, "claims": ()}
    assert replace(again, **same) == replace(session, **same)
