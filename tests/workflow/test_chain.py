"""The registry against git's history: what was committed once stays, in the order in which it was locked."""

import subprocess

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._lock import Registry
from harness.streams import SUITE_SEED
from harness.workflow import chain
from tests.command import harness
from tests.synthetic import MICRO, claim, counted, design, lock


def git(root, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b.example", *arguments],
        cwd=root, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def root(tmp_path):
    """A project under git, whose registry has an entry of round 0 and two rounds, a commit each."""
    root = tmp_path / "project"
    (root / "claims").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    registry = Registry(root / "claims" / "registry.lock")
    lock(registry, claim(counted()))
    commit(root, "before rounds")
    for version in (2, 3):
        registry.lock([claim(counted(), version=version)], MICRO, pilots={}, when=f"2026-02-0{version}")
        commit(root, f"version {version}")
    return root


def commit(root, message):
    git(root, "add", "claims")
    git(root, "commit", "--quiet", "-m", message)


def test_rounds_are_listed_with_their_seeds(root):
    """Round 0 has the seed of old, later ones that of their closing line; exact claims spend no level."""
    made = chain(root)
    assert [each.number for each in made.rounds] == [0, 1, 2]
    assert made.rounds[0].seed == SUITE_SEED
    assert made.levels == ((), (), ())
    assert made.history == "each of 3 commits to it goes on from its first parent"
    done = harness("registry", "--root", root)
    assert done.returncode == 0
    assert f"round 2: closed 2026-02-03, suite seed {made.rounds[2].seed}" in " ".join(done.stdout.split())


def test_an_end_that_was_cut_off_is_noticed(root):
    """A registry whose last round is gone follows from itself, and not from what was committed before."""
    path = root / "claims" / "registry.lock"
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:3]))
    assert chain(root).cut == "what lies there now"
    commit(root, "forget version 3")
    last = git(root, "rev-parse", "HEAD").strip()
    made = chain(root)
    assert (made.cut, made.history) == (last[:12], f"broken: {last[:12]} does not go on from the commit before it")
    done = harness("registry", "--root", root)
    assert done.returncode == 1
    path.write_text(whole)
    commit(root, "as if nothing had been")
    assert chain(root).cut == last[:12]


def test_a_registry_that_was_removed_and_begun_anew_is_noticed(root):
    """All rounds thrown away, and a new first one at the full level: the commit that removed it is named."""
    git(root, "rm", "--quiet", "claims/registry.lock")
    git(root, "commit", "--quiet", "-m", "away with it")
    removed = git(root, "rev-parse", "HEAD").strip()[:12]
    (root / "claims").mkdir(exist_ok=True)
    Registry(root / "claims" / "registry.lock").lock([claim(counted())], MICRO, pilots={}, when="2026-02-09")
    commit(root, "anew")
    assert chain(root).cut == removed


def test_a_merge_goes_on_from_its_first_parent(root):
    """Rounds of a branch are appended behind ours; the branch's own file does not count."""
    path = root / "claims" / "registry.lock"
    git(root, "checkout", "--quiet", "-b", "theirs", "HEAD~1")
    Registry(path).lock([claim(counted(), id="paper/theirs")], MICRO, pilots={}, when="2026-02-04")
    commit(root, "theirs")
    theirs = root / "theirs.lock"
    theirs.write_bytes(path.read_bytes())
    git(root, "checkout", "--quiet", "main")
    git(root, "merge", "--quiet", "--no-commit", "--strategy=ours", "theirs")
    done = harness("lock", "--rechain", theirs, "--root", root)
    assert done.returncode == 0, done.stderr
    assert "round 3" in done.stdout
    commit(root, "merge")
    assert chain(root).history == "each of 4 commits to it goes on from its first parent"


def test_a_line_of_commits_that_a_merge_puts_aside_is_noticed(root):
    """Locked, run and thrown away inside the repository's own history: the round is gone, and its commit is named."""
    path = root / "claims" / "registry.lock"
    git(root, "checkout", "--quiet", "-b", "again", "HEAD~1")
    Registry(path).lock([claim(counted(), version=3)], MICRO, pilots={}, when="2026-02-04")
    commit(root, "version 3, locked again")
    git(root, "merge", "--quiet", "--strategy=ours", "-m", "merge", "main")
    aside = git(root, "rev-parse", "main").strip()[:12]
    made = chain(root)
    assert (made.cut, made.history) == (aside, f"broken: 1 rounds of {aside}, a commit merged here, are gone")


def test_a_registry_of_other_claims_is_no_branch(root, tmp_path):
    """Of which nothing is known here, neither a file nor a lock: nothing is appended."""
    other = tmp_path / "other.lock"
    Registry(other).lock([claim(counted(), id="another/claim")], MICRO, pilots={}, when="2026-02-04")
    before = (root / "claims" / "registry.lock").read_bytes()
    done = harness("lock", "--rechain", other, "--root", root)
    assert done.returncode == 2
    assert "none of its claims is known here" in done.stderr
    assert (root / "claims" / "registry.lock").read_bytes() == before


@pytest.mark.parametrize("shallow", [True, False])
def test_without_history_it_says_unchecked(root, tmp_path, shallow):
    """A shallow clone, and a folder without git, leave nothing to compare with."""
    copy = tmp_path / "copy"
    if shallow:
        git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{root}", str(copy))
    else:
        (copy / "claims").mkdir(parents=True)
        for name in ("registry.lock", "locked.jsonl"):
            (copy / "claims" / name).write_bytes((root / "claims" / name).read_bytes())
    made = chain(copy)
    assert made.history.startswith("unchecked: ")
    assert made.cut == ""
    assert len(made.rounds) == 3


def test_levels_are_those_of_papers_in_their_rounds(root):
    """Each paper that has claims in a round is listed with its family's size and level."""
    part = beats("a", "b", on=DIGITS)
    registry = Registry(root / "claims" / "registry.lock")
    for name in "ab":
        registry.lock([claim(design(part), id=f"paper/{name}")], MICRO, pilots={}, when="2026-02-05")
    assert chain(root).levels[3:] == ((("paper", "micro", 1, 0.025),), (("paper", "micro", 1, 0.0125),))
