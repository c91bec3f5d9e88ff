"""Set the arithmetic of the engine's workers before torch is imported, and find or restore real data sets."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

os.environ.update({"MKL_CBWR": "AVX2", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

SCRIPT = Path(__file__).parents[2] / "shared" / "data" / "restore.py"  # writes torchvision's layout without a network


def restored(source):
    """Return a folder with the real data set, found or restored; skips where there is none."""
    from harness import data

    if (found := data.find_set(source)) is not None:
        return found
    script = Path(os.environ.get("HARNESS_TEST_DATA_SCRIPT", SCRIPT))
    if not script.is_file():
        pytest.skip(f"{source} is not found (see harness doctor), and there is no {script.name} to restore it")
    folder = Path(tempfile.gettempdir()) / f"ticket-harness-test-data-{os.getuid()}"
    with FileLock(f"{folder}.lock"):  # tests run in several processes
        if any(not (folder / file.path).is_file() for file in data.SETS[source].files):
            command = [sys.executable, script, "--out", folder, "--only", *(f.path for f in data.SETS[source].files)]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def real(monkeypatch):
    """Make a real data set available to the engine and to worker processes: ``real(DataSet.MNIST)`` loads it."""
    from harness import data
    from harness.data._finding import FOLDER

    def make(source):
        monkeypatch.setenv(FOLDER, str(restored(source)))
        return data.load_set(source)

    return make


def pytest_make_parametrize_id(val):
    """Name a hypothesis kind, among a test's parameters, as a reader writes it."""
    from harness.stats import Kind

    return str(val) if isinstance(val, Kind) else None
