"""The harness as a stranger has it: a wheel that pip has installed into an environment of its own."""

import os
import shutil
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.project import ROOT

SOURCES = ("harness", "claims", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel; what the harness depends on is that of the tests."""

    bin: Path

    def pip(self, *arguments):
        """Install something that is here, from no index."""
        line = [self.bin / "python", "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
        done = subprocess.run([*line, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def run(self, *line, cwd):
        """Run a program of the environment in a folder."""
        wanted = {name: value for name, value in os.environ.items() if name not in ("HARNESS_STORE", "PYTHONPATH")}
        return subprocess.run(
            [self.bin / line[0], *map(str, line[1:])],
            cwd=cwd,
            capture_output=True,
            text=True,
            env=wanted | {"CUDA_VISIBLE_DEVICES": "", "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"},
        )


def install_wheel(folder):
    """Build the wheel from a copy of the sources and let pip install it into an environment in `folder`."""
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, sources)
    venv.create(folder / "env", with_pip=True)
    made = Installed(folder / "env" / "bin")
    subprocess.run([made.bin / "python", "-m", "pip", "uninstall", "-qy", "setuptools"], check=True)  # an old one
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    line = [made.bin / "python", "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*line, "-w", folder, sources], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    made.pip(wheel)
    shutil.rmtree(sources)
    return made
