"""Sessions: ``claims`` verifies and reports, ``variance`` watches training, the others check the code."""

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "tests"]
nox.options.error_on_missing_interpreters = True

TOGETHER = ("-n", "2", "--dist", "loadfile")  # two processes; the tests of a file share its fixtures


def install(session: nox.Session) -> None:
    """Install the locked packages, then the project itself in place."""
    session.env["PYTHONDONTWRITEBYTECODE"] = ""  # torch imports three times as fast from bytecode, in every worker
    session.install("-r", "requirements.lock")
    session.install("--no-deps", "--editable", ".")


@nox.session
def claims(session: nox.Session) -> None:
    """Run, judge and report: ``nox -s claims -- CLAIM... --scale micro --device cpu``."""
    install(session)
    session.run("harness", "verify", *session.posargs)


@nox.session
def variance(session: nox.Session) -> None:
    """Compare training with its baselines: ``nox -s variance -- RECIPE... --replicates 20 --device cpu``."""
    install(session)
    session.run("harness", "variance", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all but the slow tests, on two cores: ``nox -s tests -- tests/expression/test_masks.py -k ladder``."""
    install(session)
    session.run("python", "-m", "pytest", *TOGETHER, "-m", "not slow", *session.posargs)


@nox.session
def tests_slow(session: nox.Session) -> None:
    """Run the tests that need not run each time, which docs/tests.md lists: ``nox -s tests_slow``."""
    install(session)
    session.run("python", "-m", "pytest", *TOGETHER, "-m", "slow", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Break load-bearing lines one at a time; a test must notice each: ``nox -s mutants -- stats lock.Registry``."""
    install(session)
    session.run("python", "-m", "tests.mutants", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, and the contracts between rooms."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
