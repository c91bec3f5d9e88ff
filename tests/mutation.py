"""Breaks lines one at a time, as a table of mutants says, and tries whether a test notices each.

A mutant is put into a copy of the project, and the tests it names are run there, two mutants at a time. The same tests
run first on the unbroken copy, where they must pass.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
COPIED = ("harness", "claims", "tests", "docs", "reports", "benchmarks", "pyproject.toml", "noxfile.py", "README.md")
PLACES = 2  # copies, and mutants tested at a time, each on one thread
LIMIT_S = 120.0  # a test run that takes longer hangs, which counts as noticed


class MovedError(Exception):
    """A row of the table does not fit its file any more."""


@dataclass(frozen=True)
class Mutant:
    """One broken line: `before` stands once in what `name` names, and becomes `after`; `tests` should notice.

    `name` is a module of the harness, wherever it lies, and a function, method or constant of it:
    ``store.Store.array`` is in ``harness/store/_store.py``. `tests` are separated by spaces, each a file of tests by
    its name or one test in it: ``test_store::test_a_record_appears_whole``.
    """

    name: str
    before: str
    after: str
    tests: str

    @property
    def function(self) -> str:
        """What changes in its module: ``Store.array``."""
        return self.name.partition(".")[2]

    @property
    def file(self) -> Path:
        """The module's file, from the project's folder."""
        module = self.name.partition(".")[0]
        return _only("harness", f"_{module}.py", f"{module}.py")

    def given(self) -> list[str]:
        """Return the tests as pytest is given them."""
        return [located(test) for test in self.tests.split()]


def located(test: str) -> str:
    """Return a test with the path of its file."""
    file, separator, name = test.partition("::")
    return f"{_only('tests', f'{file}.py')}{separator}{name}"


@cache
def _only(folder: str, *names: str) -> Path:
    """Return the only file with one of these names below a folder. Raises MovedError for none or several."""
    found = [path for path in sorted((ROOT / folder).rglob("*.py")) if path.name in names]
    if len(found) != 1:
        told = ", ".join(str(path.relative_to(ROOT)) for path in found) or "none"
        raise MovedError(f"{' or '.join(names)} is {told} below {folder}/: update the table in tests/mutants.py")
    return found[0].relative_to(ROOT)


@dataclass(frozen=True)
class Outcome:
    """What the tests made of a mutant: who noticed, or why there is no evidence."""

    mutant: Mutant
    killed_by: str
    fault: str
    seconds: float


def mutate(source: str, mutant: Mutant) -> str:
    """Return `source` with the mutant's line broken; raises MovedError unless `before` stands once in the function."""
    lines = source.splitlines(keepends=True)
    found = [node for name, node in _defined(source) if name == mutant.function]
    if len(found) != 1:
        raise MovedError(f"{mutant.name}: defined {len(found)} times: update the table in tests/mutants.py")
    first, last = found[0].lineno - 1, found[0].end_lineno
    text = "".join(lines[first:last])
    if text.count(mutant.before) != 1:
        raise MovedError(
            f"{mutant.name}: {mutant.before!r} stands there {text.count(mutant.before)} times, "
            "expected was once. The line moved: update the table in tests/mutants.py"
        )
    return "".join([*lines[:first], text.replace(mutant.before, mutant.after), *lines[last:]])


@cache
def _defined(source: str) -> list[tuple[str, ast.stmt]]:
    return list(_definitions(ast.parse(source).body))


def _definitions(body: Sequence[ast.stmt], outer: str = "") -> Iterable[tuple[str, ast.stmt]]:
    """Yield functions and assigned names with what defines them, those of classes qualified."""
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield outer + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{outer}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((outer + target.id, node) for target in targets if isinstance(target, ast.Name))


def select(table: Sequence[Mutant], names: Sequence[str]) -> list[Mutant]:
    """Return the mutants of a table that are of these modules, classes or functions; all of them for no names."""
    for name in names:
        if not any(f"{mutant.name}.".startswith(f"{name}.") for mutant in table):
            raise MovedError(f"no mutant is called {name!r}; there are {', '.join(sorted({m.name for m in table}))}")
    return [m for m in table if not names or any(f"{m.name}.".startswith(f"{name}.") for name in names)]


def by_file(mutants: Iterable[Mutant]) -> list[list[str]]:
    """Return all tests that the mutants name, each once, those of one file together."""
    files: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for mutant in mutants:
        for test in mutant.tests.split():
            files[test.partition("::")[0]][test] = None
    return [[file] if file in tests else list(tests) for file, tests in files.items()]


def verdict(status: int | None, output: str) -> tuple[str, str]:
    """Return who noticed and what went wrong, one of them empty, from pytest's exit status (None: it hung)."""
    if status is None:
        return f"timeout after {LIMIT_S:g} s", ""
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    if status == 1 and failed:
        return failed[1], ""
    if status == 0:
        return "", "survived"
    return "", f"shows nothing: pytest ended with status {status}"  # nothing collected, or an import that fails


def run_tests(copy: Path, tests: Sequence[str], *, bytecode: bool) -> tuple[int | None, str]:
    """Run tests in a copy; returns pytest's exit status, None for a hang, and its output.

    Only runs of the unbroken copy may leave bytecode, so that no mutant's is ever taken for another's.
    """
    options = ("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")
    environment = {**_environment(copy), "PYTHONDONTWRITEBYTECODE": "" if bytecode else "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        shutil.rmtree(copy / ".hypothesis", ignore_errors=True)  # one mutant's counterexamples are no help to the next
    return done.returncode, done.stdout


def _environment(copy: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}


def make_copy(folder: Path) -> Path:
    """Copy what tests need to `folder`, and make sure that a Python started there imports the copy."""
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "scratch"))
        else:
            shutil.copy2(source, folder / name)
    line = [sys.executable, "-c", "import harness; print(harness.__file__)"]
    asked = subprocess.run(line, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=True)
    assert Path(asked.stdout.strip()).is_relative_to(folder), f"tests would import {asked.stdout.strip()}"
    return folder


def attempt(mutant: Mutant, copies: SimpleQueue[Path]) -> Outcome:
    """Break one line in a free copy, run the mutant's tests, and mend it."""
    copy = copies.get()
    file = copy / mutant.file
    whole, times = file.read_text(), file.stat()
    began = time.perf_counter()
    try:
        file.write_text(mutate(whole, mutant))
        os.utime(file, (times.st_atime, times.st_mtime + 10))  # bytecode of the whole file is not taken for its own
        killed_by, fault = verdict(*run_tests(copy, mutant.given(), bytecode=False))
    finally:
        file.write_text(whole)
        os.utime(file, (times.st_atime, times.st_mtime))
        copies.put(copy)
    return Outcome(mutant, killed_by, fault, time.perf_counter() - began)


def unbroken(tests: Sequence[str], copies: SimpleQueue[Path]) -> str:
    """Run tests of one file on a whole copy; returns the output where they do not pass."""
    copy = copies.get()
    try:
        status, output = run_tests(copy, [located(test) for test in tests], bytecode=True)
    finally:
        copies.put(copy)
    return "" if status == 0 else output or f"{' '.join(tests)}: no end after {LIMIT_S:g} s"


def row(*cells: str) -> str:
    """Return one line of the table that is printed."""
    return "| " + " | ".join(cells) + " |"


def main(table: Sequence[Mutant], names: Sequence[str]) -> int:
    """Try mutants of a table, print a line for each and the totals; returns the exit status."""
    began = time.perf_counter()
    try:
        mutants = select(table, names)
        for mutant in mutants:
            mutate((ROOT / mutant.file).read_text(), mutant)
    except MovedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for place in range(PLACES):
            copies.put(make_copy(Path(folder).resolve() / str(place)))
        pool = ThreadPoolExecutor(PLACES)
        try:
            groups = by_file(mutants)
            failed = [output for output in pool.map(unbroken, groups, [copies] * len(groups)) if output]
            if failed:
                print(*failed, "error: tests fail with nothing broken, so they show nothing", sep="\n", file=sys.stderr)
                return 1
            print(f"{len(groups)} files of tests pass unbroken, {time.perf_counter() - began:.0f} s\n")
            print(row("function", "before", "after", "killed by", "s"))
            print(row(*["---"] * 5))
            outcomes = []
            for outcome in pool.map(attempt, mutants, [copies] * len(mutants)):
                m, said = outcome.mutant, outcome.killed_by or f"**{outcome.fault}**"
                change = (f"`{m.before}`", f"`{m.after}`")
                print(row(f"`{m.name}`", *change, said, f"{outcome.seconds:.1f}"), flush=True)
                outcomes.append(outcome)
        finally:
            pool.shutdown(cancel_futures=True)
    left = [outcome for outcome in outcomes if outcome.fault]
    print(f"\n{len(mutants) - len(left)} of {len(mutants)} mutants killed in {time.perf_counter() - began:.0f} s")
    for outcome in left:
        print(f"{outcome.mutant.name}, `{outcome.mutant.before}`: {outcome.fault}", file=sys.stderr)
    return 1 if left else 0
