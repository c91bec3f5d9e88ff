"""The packages: the harness, and the repository's folder of claims, shipped inside it under a private name."""

from setuptools import find_packages, setup

CLAIMS = "harness._shipped"  # where an installed harness finds the claims that it comes with

setup(
    packages=[
        *find_packages(include=["harness", "harness.*"]),
        CLAIMS,
        *(f"{CLAIMS}.{p}" for p in find_packages("claims")),
    ],
    package_dir={CLAIMS: "claims"},
    package_data={
        "harness": ["py.typed"],
        "harness.data": ["*.xz"],
        "harness.report": ["templates/*.j2"],
        "harness.workflow": ["templates/*.j2"],
        CLAIMS: ["registry.lock", "locked.jsonl", "known_before.csv"],
    },
)
