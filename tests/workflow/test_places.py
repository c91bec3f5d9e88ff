"""Where claims are: each place has a registry, reports, pilots and a store of its own, and none is another's."""

import os
import sys
from pathlib import Path

import pytest

from harness.compute import EXECUTORS
from harness.data import SETS
from harness.design import METRICS
from harness.errors import LockError, UsageError
from harness.expression import CRITERIA
from harness.extensions import load_plugins
from harness.stats import KINDS
from harness.workflow import _places, list_claims, lock, open_session, places
from tests.command import harness
from tests.packages import install, write_claims

CRITERION = """
from harness import criterion


@criterion("from afar{more}")
def from_afar(weights, alive):
    return abs(weights)
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working folder without claims; what a test imports is forgotten after it."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    monkeypatch.delenv("HARNESS_CLAIMS", raising=False)
    everything = (CRITERIA, SETS, METRICS, KINDS, EXECUTORS)
    before, registered = set(sys.modules), [set(each) for each in everything]
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith(("doe", "roe", "_claims")):
            del sys.modules[name]
    for each, had in zip(everything, registered, strict=True):
        for name in set(each) - had:
            each.remove(name)


@pytest.fixture
def site(tmp_path):
    """Where packages are installed."""
    return tmp_path / "lib" / "site-packages"


def of(claims=None, **more):
    """Return where a session's registry, reports, pilots and store are."""
    session = open_session(claims=claims, device="cpu", **more)
    return (session.registry.path, session.committed, session.pilots, session.store)


def below(root, registry=None):
    """The places of a project in `root`."""
    return (
        (registry or root) / "registry.lock",
        root / "reports" / "micro",
        root / "docs" / "pilots.csv",
        root / ".harness" / "store",
    )


def test_a_folder_called_claims_has_all_beside_it(here, tmp_path):
    """The project's own, without a word or by name, and that of another project."""
    write_claims(here / "claims")
    other = write_claims(tmp_path / "other" / "claims")
    assert of() == of("claims") == of("./claims") == below(here, here / "claims")
    assert of(str(other)) == below(other.parent, other)


def test_any_other_folder_has_all_in_it(here, tmp_path):
    """Two folders side by side share nothing; a variable names one as well as an option."""
    one, two = (write_claims(tmp_path / name) for name in ("one", "two"))
    assert of(one) == below(one)
    assert of(two) == below(two)
    assert open_session(claims=one, device="cpu").out == one / "reports" / "micro"


def test_the_variable_names_a_place(tmp_path, monkeypatch):
    """And an option goes before it."""
    one, two = (write_claims(tmp_path / name) for name in ("one", "two"))
    monkeypatch.setenv("HARNESS_CLAIMS", str(one))
    assert of() == below(one)
    assert of(two) == below(two)


def test_an_installed_package_has_all_in_the_working_folder(here, site, monkeypatch):
    """Nothing is written among packages: by its entry point's name and by its own it is one place."""
    write_claims(site / "doe_claims")
    install(site, monkeypatch, "doe-tickets", claims=["doe = doe_claims"])
    root = here / "places" / "doe_claims"
    for name in ("doe", "doe_claims"):
        assert of(name) == below(root, site / "doe_claims")
    session = open_session(claims="doe", device="cpu")
    assert [line.claim for line in list_claims(session)] == ["doe2026/largest-beat-random"]
    assert session.out == root / "reports" / "micro"
    lock(session)
    assert session.registry.path == root / "registry.lock"
    assert len(session.registry.entries) == 1
    assert not (site / "doe_claims" / "registry.lock").exists()


def test_an_editable_package_has_all_in_its_sources(tmp_path, monkeypatch):
    """A package whose sources may be written is as its folder is, by whichever name."""
    source = write_claims(tmp_path / "project" / "doe_claims")
    install(tmp_path / "project", monkeypatch, "doe-tickets", claims=["doe = doe_claims"])
    assert of("doe") == of("doe_claims") == of(source) == below(source)


def test_a_folder_that_cannot_be_written_has_all_in_the_working_folder(here, tmp_path, monkeypatch):
    """Two of one name are two places."""
    one, two = (write_claims(tmp_path / name / "theirs") for name in ("one", "two"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    roots = [open_session(claims=folder, device="cpu").root for folder in (one, two)]
    assert [root.parent for root in roots] == [here / "places"] * 2
    assert len(set(roots)) == 2
    assert "registry in " + str(roots[0]) in harness("plan", "--claims", one).stdout
    lock(open_session(claims=one, device="cpu"))
    assert (roots[0] / "registry.lock").is_file()
    assert not (one / "registry.lock").exists()


def test_locks_that_a_package_brings_count(here, site, monkeypatch):
    """They are read where they lie, taken along by the first lock made here, and named where an upgrade has more."""
    claims = write_claims(site / "doe_claims")
    install(site, monkeypatch, "doe-tickets", claims=["doe = doe_claims"])
    elsewhere = write_claims(here / "published")
    lock(open_session(claims=elsewhere, device="cpu"))
    brought = (elsewhere / "registry.lock").read_text()
    (claims / "registry.lock").write_text(brought)
    session = open_session(claims="doe", device="cpu")
    assert [entry.claim for entry in session.registry.entries] == ["doe2026/largest-beat-random"]
    lock(session, replicates=9)
    own = here / "places" / "doe_claims" / "registry.lock"
    assert own.read_text().startswith(brought)
    assert (claims / "registry.lock").read_text() == brought
    assert len(open_session(claims="doe", device="cpu").registry.entries) == 2
    lock(open_session(claims=elsewhere, device="cpu"), replicates=8)
    (claims / "registry.lock").write_text((elsewhere / "registry.lock").read_text())
    with pytest.raises(LockError, match=r"has 1 rounds that .* has not: the package was upgraded\. Next: harness lock"):
        open_session(claims="doe", device="cpu")
    result = harness("lock", "--rechain", claims / "registry.lock", "--claims", "doe")
    assert result.returncode == 0, result.stderr
    assert len(open_session(claims="doe", device="cpu").registry.entries) == 3


def test_a_package_may_import_itself_by_name(site, monkeypatch):
    """Claims import each other by the package's name, relatively, or both, and each is registered once."""
    claims = write_claims(site / "doe_claims")
    (claims / "doe2026" / "again.py").write_text(
        "from doe_claims.doe2026.largest import NET\nfrom .largest import RECIPE\n"
    )
    install(site, monkeypatch, "doe-tickets", claims=["doe = doe_claims"])
    for _ in range(2):
        assert len(open_session(claims="doe", device="cpu").claims) == 1


def test_a_place_that_is_not_there_is_refused_with_what_is(site, monkeypatch):
    """Neither a folder nor a package: the nearest name, and the next step."""
    write_claims(site / "doe_claims")
    install(site, monkeypatch, "doe-tickets", claims=["doe = doe_claims"])
    for wrong in ("dot", "dot.claims", "json", "no/folder"):
        with pytest.raises(UsageError, match=r"Next: harness list"):
            open_session(claims=wrong, device="cpu")
    with pytest.raises(UsageError, match=r"is called 'dot'; did you mean doe\?"):
        open_session(claims="dot", device="cpu")


def test_a_name_that_stands_for_two_is_refused(here, site, monkeypatch):
    """Two packages of one name, or a package and a folder: neither is taken for the other."""
    write_claims(site / "doe_claims")
    install(site, monkeypatch, "doe-tickets", claims=["doe = doe_claims"])
    write_claims(here / "doe")
    with pytest.raises(
        UsageError, match=r"doe is the folder .*, and the claims of doe-tickets\. Next: --claims \./doe"
    ):
        open_session(claims="doe", device="cpu")
    assert of("./doe") == below(here / "doe")
    write_claims(site / "roe_claims", "roe2026")
    install(site, monkeypatch, "roe-tickets", claims=["doe = roe_claims"])
    with pytest.raises(UsageError, match="two packages call their claims 'doe': doe-tickets and roe-tickets"):
        open_session(claims="doe", device="cpu")


def test_list_says_which_places_there_are(here, site, monkeypatch):
    """A paper that two places have, and a place that cannot be loaded, are named; the rest goes on."""
    write_claims(here / "claims")
    write_claims(site / "doe_claims")
    (site / "roe_claims").mkdir()
    (site / "roe_claims" / "__init__.py").write_text("import nothing_of_this_name\n")
    install(site, monkeypatch, "doe-tickets", claims=["doe = doe_claims", "roe = roe_claims"])
    result = harness("list")
    assert result.returncode == 0, result.stderr
    assert (
        f"claims in {here / 'claims'}, registry in {here / 'claims'}; reports, pilots and store in {here}"
        in result.stdout
    )
    assert "also here: doe of the package doe-tickets: doe2026. Next: harness list --claims doe" in result.stdout
    assert "paper doe2026 is in both places; each has its own claims, locks and verdicts of it" in result.stdout
    assert "roe of the package doe-tickets cannot be loaded: DesignError: " in result.stdout
    assert (
        "roe_claims/__init__.py imports 'nothing_of_this_name', which Python does not find. Next: mend" in result.stdout
    )
    assert "Next: mend or upgrade doe-tickets, or python -m pip uninstall doe-tickets" in result.stdout
    assert [place.papers for place in places()] == [("doe2026",), ()]


def test_what_an_installed_harness_brings_along_is_a_place(here, tmp_path, monkeypatch):
    """Without a folder of claims it is what commands are about, with one it is called shipped; it is one place."""
    monkeypatch.setattr(_places, "SHIPPED", write_claims(tmp_path / "lib" / "site-packages" / "harness" / "_shipped"))
    root = here / "places" / "shipped"
    assert of() == of("shipped") == below(root, _places.SHIPPED)
    write_claims(here / "claims", "here2026")
    assert of("shipped") == below(root, _places.SHIPPED)
    assert of() == below(here, here / "claims")
    assert (
        "also here: shipped of the package harness: doe2026. Next: harness list --claims shipped"
        in harness("list").stdout
    )


def test_a_claim_of_another_place_is_told_to_be_there(here, site, monkeypatch):
    """Whoever names it without the place learns which one it is."""
    write_claims(here / "claims", "here2026")
    write_claims(site / "doe_claims")
    install(site, monkeypatch, "doe-tickets", claims=["doe = doe_claims"])
    with pytest.raises(UsageError, match=r"unknown claim or paper 'doe2026/largest-beat-random'.* Next: --claims doe$"):
        open_session("doe2026/largest-beat-random", device="cpu")


def test_quick_runs_of_two_places_leave_each_other_alone(here, tmp_path):
    """One paper, one name, two places: each has its own rows."""
    one, two = (write_claims(tmp_path / name) for name in ("one", "two"))
    for folder in (one, two):
        result = harness("run", "--quick", "--claims", folder)
        assert result.returncode == 0, result.stderr
        assert f"claims in {folder}, registry in {folder}" in result.stdout
        next_ = " ".join(result.stdout.split()).rpartition("Next: harness ")[2].split()
        assert harness(*next_).returncode == 0
        assert (folder / "reports" / "scratch" / "verdicts.json").is_file()
    assert list(here.iterdir()) == []


def test_what_an_installed_package_registers_is_there(here, site, monkeypatch):
    """A module named by an entry point is imported when a session opens, before the claims that use it."""
    write_claims(here / "claims", by=', by="from afar"')
    site.mkdir(parents=True)
    (site / "doe_criteria.py").write_text(CRITERION.format(more=""))
    install(site, monkeypatch, "doe-criteria", extensions=["doe = doe_criteria"])
    session = open_session(device="cpu")
    assert session.claims[0].design("micro").arms["largest"]
    assert "from afar" in CRITERIA


EVERYTHING = """
import numpy as np
from harness import criterion
from harness.compute import executor
from harness.data import data_set
from harness.design import Metric, add_metric
from harness.stats import Bound, Kind, above, add_kind, below
from tests.command import Here

executor("doe cluster")(Here)
add_metric(Metric("doe_log", "validated as right", "validation_accuracy", log=True, bounds=(5.0, 5.0)))
add_kind(Kind(name="doetrails", held_to=Bound.SESOI, reproduced=(below(-1),), refuted=(above(-1),), floor=0,
              planned_at=-2, shown="below", asserted="< -1", drawn="sesoi"))


@criterion("doe criterion")
def doe_criterion(weights, alive):
    return abs(weights)


@data_set("doe clouds", train=300)
def doe_clouds():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 300)
    return (rng.standard_normal((300, 4)) + 3 * labels[:, None]).astype(np.float32), labels
"""
USING = """
from fractions import Fraction
from harness import SGD, Design, Recipe, Source, Task, asserts, claim, mlp, prune, train

TASK = Task("doe-clouds", images=1, classes=2, chance=0.5, sesoi_pp=1.0, margin_pp=1.0, source="doe clouds",
            shape=(1, 1, 4), train_images=200, validation_images=40, test_images=60)
RECIPE = Recipe(optimiser=SGD(0.1), steps=40, batch=20)


@claim("doe2026/everything", statement="All is used.", predicted={"micro": "reproduced"},
       source=Source(version="none", place="here", published="none"))
def everything(scale):
    dense = train(mlp(4, 8, 2), TASK, RECIPE)
    ticket = train(mlp(4, 8, 2), TASK, RECIPE, mask=prune(dense, keep=Fraction(1, 2), by="doe criterion"))
    part = asserts("doetrails", "ticket", "dense", on=TASK, metric="doe_log")
    return Design(arms={"dense": dense, "ticket": ticket}, parts=(part,), contrast=("mask",))
"""


def test_every_sort_of_thing_comes_by_an_entry_point(here, site, monkeypatch):
    """Criterion, data set, metric, kind and executor of a package are used by a claim that imports none of it."""
    write_claims(here / "claims")
    (here / "claims" / "doe2026" / "largest.py").write_text(USING)
    site.mkdir(parents=True)
    (site / "doe_everything.py").write_text(EVERYTHING)
    install(site, monkeypatch, "doe-everything", extensions=["doe = doe_everything"])
    for line in (("run", "--quick", "--executor", "doe cluster"), ("judge", "--out", "reports/scratch")):
        done = harness(*line)
        assert done.returncode == 0, done.stderr
    assert "doe2026/everything" in done.stdout


def test_a_package_that_cannot_be_imported_stops_only_who_needs_it(here, site, monkeypatch):
    """Other commands go on, and doctor and whoever asks for what is missing are told which package, and what to do."""
    write_claims(here / "claims")
    site.mkdir(parents=True)
    (site / "doe_broken.py").write_text("raise RuntimeError('no such GPU')\n")
    install(site, monkeypatch, "doe-broken", extensions=["doe = doe_broken"])
    assert harness("plan").returncode == 0
    told = "doe_broken of the package doe-broken cannot be imported: RuntimeError: no such GPU."
    looked = harness("doctor")
    assert looked.returncode == 3
    assert told in " ".join(looked.stdout.split())
    result = harness("run", "--quick", "--executor", "cluster")
    assert result.returncode == 2
    assert f"unknown executor 'cluster'. Known: local. {told} Next: correct the name" in result.stderr


def test_one_name_of_two_packages_is_named(here, site, monkeypatch):
    """The second of two criteria of one name is not taken for the first: its package is what cannot be imported."""
    site.mkdir(parents=True)
    for name in ("doe_criteria", "roe_criteria"):
        (site / f"{name}.py").write_text(CRITERION.format(more=" too"))
        install(site, monkeypatch, name.replace("_", "-"), extensions=[f"{name} = {name}"])
    write_claims(here / "claims")
    open_session(device="cpu")
    (fault,) = [plugin.fault for plugin in load_plugins() if plugin.fault]
    assert "'from afar too' is twice a criterion: doe_criteria.from_afar and roe_criteria.from_afar" in fault


def test_one_file_may_be_loaded_under_two_names(tmp_path, monkeypatch):
    """As a package's extension and with a folder of claims: what it registers is one thing, not two."""
    source = write_claims(tmp_path / "project" / "doe_claims", by=', by="from afar"')
    (source / "criteria.py").write_text(CRITERION.format(more=""))
    install(tmp_path / "project", monkeypatch, "doe-tickets", extensions=["doe = doe_claims.criteria"])
    for claims in (source, "doe_claims", Path(source)):
        assert len(open_session(claims=claims, device="cpu").claims) == 1


def test_a_pilot_of_another_place_says_where_it_is_logged(tmp_path, here):
    """As a path from the working folder or a whole one, and the next commands with the place."""
    write_claims(tmp_path / "elsewhere")
    asked = ("pilot", "doe2026", "--replicates", "2", "--claims", tmp_path / "elsewhere")
    said = harness(*asked)
    assert said.returncode == 0, said.stderr
    log = tmp_path / "elsewhere" / "docs" / "pilots.csv"
    assert log.is_file()
    place = f" --claims {tmp_path / 'elsewhere'}"
    assert f"logged to {log}. Next: harness plan{place}, then harness lock CLAIM{place}" in said.stdout
