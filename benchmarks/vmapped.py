"""LeNet-300-100 under masks in JAX, members by `vmap` and steps by `scan`: the same step by another compiler.

Runs where JAX is installed, which the project does not ask for. Batches are drawn beforehand, so that only steps count.

    python -m benchmarks.vmapped MEMBERS NUMERICS SECONDS
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from functools import partial
from typing import Any

STEPS, BATCH, IMAGES, WIDTHS = 100, 60, 55_000, (784, 300, 100, 10)
RATE, BETA1, BETA2, EPS = 1.2e-3, 0.9, 0.999, 1e-8


def member_steps_a_second(members: int, numerics: str, seconds: float) -> float:
    """Return how many steps of training all members together make in a second. Raises ImportError without JAX."""
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(jax.random.key(0), 4)
    images = jax.random.randint(keys[0], (IMAGES, WIDTHS[0]), 0, 256, jnp.uint8)
    labels = jax.random.randint(keys[1], (IMAGES,), 0, 10)
    order = jax.random.randint(keys[2], (STEPS, members, BATCH), 0, IMAGES)
    shapes = list(itertools.pairwise(WIDTHS))

    def first(key: Any) -> list[tuple[Any, Any]]:
        drawn = jax.random.split(key, len(shapes))
        return [
            (jax.random.normal(k, s) * (2 / sum(s)) ** 0.5, jnp.zeros(s[1])) for k, s in zip(drawn, shapes, strict=True)
        ]

    weights = jax.vmap(first)(jax.random.split(keys[3], members))
    mask = jax.tree.map(lambda w: (jnp.abs(w) >= jnp.quantile(jnp.abs(w), 0.8)) | (w.ndim == 2), weights)
    weights = jax.tree.map(jnp.multiply, weights, mask)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        *hidden, (last, bias) = weights
        for w, b in hidden:
            x = jax.nn.relu(x @ w + b)
        logs = jax.nn.log_softmax(x @ last + bias)
        return -jnp.take_along_axis(logs, y[:, None], 1).mean()

    def step(carry: Any, chosen: Any) -> tuple[Any, None]:
        weights, first_moment, second_moment, t = carry
        x = images[chosen].astype(jnp.float32) / 255
        gradients = jax.tree.map(jnp.multiply, jax.vmap(jax.grad(loss))(weights, x, labels[chosen]), mask)
        first_moment = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first_moment, gradients)
        second_moment = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second_moment, gradients)
        scale = jnp.sqrt(1 - BETA2**t) / (1 - BETA1**t)
        weights = jax.tree.map(
            lambda w, m, v: w - RATE * scale * m / (jnp.sqrt(v) + EPS), weights, first_moment, second_moment
        )
        return (weights, first_moment, second_moment, t + 1), None

    @partial(jax.jit, donate_argnums=0)
    def chunk(carry: Any) -> Any:
        return jax.lax.scan(step, carry, order)[0]

    with jax.default_matmul_precision("tensorfloat32" if numerics == "tf32" else "float32"):
        zeros = jax.tree.map(jnp.zeros_like, weights)
        carry = jax.block_until_ready(chunk((weights, zeros, jax.tree.map(jnp.zeros_like, weights), 1.0)))
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            carry = jax.block_until_ready(chunk(carry))
            done += STEPS * members
    return done / (time.perf_counter() - started)


def in_a_process(members: int, numerics: str, seconds: float, device: str) -> float:
    """Return the same, of a process that gives a GPU's memory back; device is ``cpu`` or ``cuda``.

    Raises CalledProcessError where JAX does not find the device.
    """
    line = [sys.executable, "-m", "benchmarks.vmapped", str(members), numerics, str(seconds)]
    env = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_PLATFORMS": device}
    return float(subprocess.run(line, stdout=subprocess.PIPE, env=env, text=True, check=True).stdout.split()[-1])


if __name__ == "__main__":
    print(member_steps_a_second(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
