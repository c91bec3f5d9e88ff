"""CartPole and Acrobot for many members and environments at once, in float64, as gymnasium has them.

A step is a function of states and actions alone. Tensors are named by shape: R members, E environments, S numbers of a
state, O numbers observed; angles are in radians, times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.data import DataSet

GRAVITY = 9.8


@dataclass(frozen=True)
class Environment:
    """What is played in: how a state is observed, what an action makes of it, and when an episode is over.

    `advance` gives states, rewards (float64) and which are over, of states (R, E, 4) and actions (R, E); `observe`
    gives (R, E, O). First states are uniform on +-`spread` in each number. After `limit` steps time is up. `least` is
    the lowest return.
    """

    actions: int
    limit: int
    spread: float
    least: float
    observe: Callable[[Tensor], Tensor]
    advance: Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def _cartpole(state_RES: Tensor, action_RE: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Push a cart of 1 kg with 10 N left (0) or right (1), .02 s by Euler's rule; on it a pole of .1 kg, 1 m.

    Over when the cart is more than 2.4 m away or the pole leans by more than 12 degrees; each step is worth 1.
    """
    place, speed, angle, turning = state_RES.unbind(2)
    force = 20.0 * action_RE - 10.0
    sine, cosine = angle.sin(), angle.cos()
    pushed = (force + 0.05 * turning.square() * sine) / 1.1
    bent = (GRAVITY * sine - cosine * pushed) / (0.5 * (4.0 / 3.0 - 0.1 * cosine.square() / 1.1))
    moved = pushed - 0.05 * bent * cosine / 1.1
    state_RES = torch.stack(
        [place + 0.02 * speed, speed + 0.02 * moved, angle + 0.02 * turning, turning + 0.02 * bent], 2
    )
    over_RE = (state_RES[..., 0].abs() > 2.4) | (state_RES[..., 2].abs() > 12 * 2 * math.pi / 360)
    return state_RES, torch.ones_like(place), over_RE


def _acrobot(state_RES: Tensor, action_RE: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Apply a torque of -1, 0 or 1 N m between two links of 1 kg and 1 m, .2 s by a Runge-Kutta step of fourth order.

    Over when the end is more than one link above the pivot; each step before is worth -1.
    """
    torque_RE = action_RE - 1.0
    first = _swing(state_RES, torque_RE)
    second = _swing(state_RES + 0.1 * first, torque_RE)
    third = _swing(state_RES + 0.1 * second, torque_RE)
    fourth = _swing(state_RES + 0.2 * third, torque_RE)
    state_RES = state_RES + 0.2 / 6.0 * (first + 2 * second + 2 * third + fourth)
    angles = state_RES[..., :2]
    angles = angles - 2 * math.pi * torch.floor((angles + math.pi) / (2 * math.pi))
    speeds = [state_RES[..., 2 + link].clamp(-most, most) for link, most in enumerate((4 * math.pi, 9 * math.pi))]
    state_RES = torch.cat([angles, torch.stack(speeds, 2)], 2)
    over_RE = -angles[..., 0].cos() - (angles[..., 0] + angles[..., 1]).cos() > 1.0
    return state_RES, over_RE.double() - 1.0, over_RE


def _swing(state_RES: Tensor, torque_RE: Tensor) -> Tensor:
    """Return the derivative of both links' angles and angular velocities (Sutton & Barto 1998, section 11.3)."""
    first, second, first_speed, second_speed = state_RES.unbind(2)
    inertia = 0.25 + (1.25 + second.cos()) + 2.0
    shared = 0.25 + 0.5 * second.cos() + 1.0
    pulled_second = 0.5 * GRAVITY * (first + second - math.pi / 2).cos()
    pulled = (
        -0.5 * second_speed.square() * second.sin()
        - second_speed * first_speed * second.sin()
        + 1.5 * GRAVITY * (first - math.pi / 2).cos()
        + pulled_second
    )
    bent = torque_RE + shared / inertia * pulled - 0.5 * first_speed.square() * second.sin() - pulled_second
    bent = bent / (1.25 - shared.square() / inertia)
    return torch.stack([first_speed, second_speed, -(shared * bent + pulled) / inertia, bent], 2)


def _as_angles(state_RES: Tensor) -> Tensor:
    first, second, *speeds = state_RES.unbind(2)
    return torch.stack([first.cos(), first.sin(), second.cos(), second.sin(), *speeds], 2)


ENVIRONMENTS = {
    DataSet.CARTPOLE: Environment(2, 200, 0.05, 0.0, lambda state_RES: state_RES, _cartpole),  # version 0's limit
    DataSet.ACROBOT: Environment(3, 500, 0.1, -500.0, _as_angles, _acrobot),
}
