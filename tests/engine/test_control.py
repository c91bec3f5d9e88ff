"""Environments are gymnasium's, step by step; what a policy learns of them is actor-critic written as plain loops.

Also tests `engine._environments`, `data._played` and `expression._policies`.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from harness.data import DataSet
from harness.data._task_variants import mirrored, noisy, permuted
from harness.data._tasks import ACROBOT, CARTPOLE, DIGITS
from harness.engine import _control as control
from harness.engine._course import compute
from harness.engine._environments import ENVIRONMENTS
from harness.engine._plain import plain_module, put
from harness.errors import DesignError
from harness.expression import ActorCritic, between, evaluate, fresh, saliency, train
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Recipe, RMSprop
from harness.population._population import Program
from harness.store import _checkpoints
from tests.members import begun, population
from tests.store.test_checkpoints import assert_same, interrupted

RECIPE = Recipe(optimiser=RMSprop(1e-3), steps=60, batch=1, validate_every=20)
SMALL = ActorCritic(environments=16, steps=3, reward=0.01)
PLAYED = {
    "cartpole": Program(mlp(4, 16, 3), CARTPOLE, RECIPE, learn=SMALL),
    "acrobot": Program(mlp(6, 16, 4), ACROBOT, RECIPE, learn=SMALL),
}


def swung_up(state):
    """An action that lets the links swing up: with the lower link's motion, and so an end is reached."""
    return 2 if state[3] > 0 else 0


def chosen_at_random(seed):
    drawn = np.random.default_rng(seed)
    return lambda state: int(drawn.integers(2))


@pytest.mark.parametrize(
    ("source", "made", "policy", "ends"),
    [
        ("cartpole", "CartPole-v1", chosen_at_random, 6),
        ("cartpole", "CartPole-v1", lambda seed: lambda state: int(state[2] + 0.5 * state[3] > 0), 0),  # keeps it up
        ("acrobot", "Acrobot-v1", lambda seed: swung_up, 6),
    ],
    ids=["cartpole at random", "cartpole kept up", "acrobot swung up"],
)
def test_environments_are_gymnasiums(source, made, policy, ends):
    """From its own first states, over 500 steps: states, observations and rewards to 1e-6, and the same ends."""
    gymnasium = pytest.importorskip("gymnasium")
    ours, ended, played = ENVIRONMENTS[DataSet(source)], 0, 0
    theirs = gymnasium.make(made).unwrapped
    for seed in range(6):
        observed, _ = theirs.reset(seed=seed)
        state, act = torch.from_numpy(np.array(theirs.state, np.float64))[None, None], policy(seed)
        for _ in range(500):
            np.testing.assert_allclose(ours.observe(state)[0, 0], observed, rtol=0, atol=1e-6)
            action = act(state[0, 0].numpy())
            observed, reward, over, _, _ = theirs.step(action)
            state, rewards, overs = ours.advance(state, torch.tensor([[action]]))
            np.testing.assert_allclose(state[0, 0], np.array(theirs.state, np.float64), rtol=0, atol=1e-6)
            assert rewards.item() == reward
            assert overs.item() == over
            played += 1
            if over:
                ended += 1
                break
    assert ended == ends
    assert played > 50


def test_an_end_of_acrobot_is_reached():
    """By the scripted policy: actions at random never end an episode, and ends would go untested."""
    ours = ENVIRONMENTS[DataSet.ACROBOT]
    state, rewards = torch.full((1, 1, 4), 0.05, dtype=torch.float64), []
    for _ in range(500):
        state, reward, over = ours.advance(state, torch.tensor([[swung_up(state[0, 0])]]))
        rewards.append(reward.item())
        if over:
            break
    assert len(rewards) < 500
    assert rewards == [-1.0] * (len(rewards) - 1) + [0.0]


def test_gains_are_the_discounted_rewards_that_follow():
    """As a plain loop adds them up: nothing after an end, and the critic's value where playing stopped."""
    drawn = np.random.default_rng(3)
    rewards, beyond = drawn.standard_normal((2, 5, 4)), drawn.standard_normal((2, 4)).astype(np.float32)
    over = drawn.random((2, 5, 4)) < 0.3
    learn = ActorCritic(discount=0.9)
    found = control.gains(*map(torch.from_numpy, (rewards, over, beyond)), learn)
    for r in range(2):
        for e in range(4):
            for start in range(5):
                total, worth = 0.0, 1.0
                for t in range(start, 5):
                    total += worth * rewards[r, t, e]
                    worth *= 0.9
                    if over[r, t, e]:
                        break
                else:
                    total += worth * beyond[r, e]
                assert found[r, start, e].item() == pytest.approx(total, rel=1e-6)
    assert over.any()


@pytest.mark.parametrize("name", PLAYED)
def test_an_update_is_actor_critic_as_plain_loops(name, monkeypatch):
    """From the states that were played, in a plain module, state by state: loss and all gradients, for each member."""
    program = replace(PLAYED[name], recipe=replace(RECIPE, optimiser=SGD(1e-6)))
    updates, learn, steps = begun(population(program, range(2))), SMALL, []
    stack, run = updates.stack, updates.run()
    for _ in range(25):
        next(run)
    played, weights = stack._played, stack.learned_RP.detach().numpy().copy()

    def noting(action, fresh):
        state = stack._state_RES.clone()
        rewards, over = played(action, fresh)
        steps.append((state, action, rewards, over))
        return rewards, over

    monkeypatch.setattr(stack, "_played", noting)
    next(run)
    assert len(steps) == learn.steps
    if name == "cartpole":
        assert any(over.any() for *_, over in steps)
    observe = ENVIRONMENTS[DataSet(program.task.source)].observe
    for member in range(2):
        module = plain_module(program.network)
        put(module, program.network, weights[member])
        losses = []
        for e in range(learn.environments):
            total = float(module(observe(stack._state_RES)[member, e].float()[None]).detach()[0, -1])
            for state, action, rewards, over in reversed(steps):
                said = module(observe(state)[member, e].float()[None])[0]
                total = learn.reward * float(rewards[member, e]) + (0 if over[member, e] else learn.discount * total)
                log, missed = said[:-1].log_softmax(0), total - said[-1]
                entropy = -(log.exp() * log).sum()
                policy = -log[action[member, e]] * missed.detach()
                losses.append(learn.value * missed**2 + policy - learn.entropy * entropy)
        loss = torch.stack(losses).mean()
        loss.backward()
        assert updates.loss_R[member].item() == pytest.approx(loss.item(), rel=1e-4)
        for tensor, parameter in zip(program.network.tensors(), module.parameters(), strict=True):
            ours = stack.learned_RP.grad[member, tensor.slice].view(tensor.shape)
            expected = parameter.grad.T if tensor.turned else parameter.grad
            torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", PLAYED)
def test_packed_equals_alone(name):
    """A member plays the same episodes and ends with the same weights in any company."""
    packed = compute(population(PLAYED[name], range(5), snapshots=(20,))).members
    for i in (0, 2, 4):
        alone = compute(population(PLAYED[name], [i], snapshots=(20,))).members[0]
        assert packed[i].rows == alone.rows
        for slot, values in alone.arrays.items():
            np.testing.assert_array_equal(packed[i].arrays[slot], values)


@pytest.mark.parametrize("name", PLAYED)
def test_resumed_equals_uninterrupted(name, tmp_path, monkeypatch):
    """A checkpoint holds where each environment is, how long its episode is, and how the last ones came out."""
    monkeypatch.setattr(_checkpoints, "LOOK_S", 0.0)
    made = population(PLAYED[name], range(3))
    assert_same(interrupted(tmp_path, made, 25), compute(made))


def test_measured_is_the_mean_of_the_last_hundred_episodes(monkeypatch):
    """Recounted from rewards and ends as they are played; of fewer, of those that there are."""
    program = replace(PLAYED["cartpole"], recipe=replace(RECIPE, steps=200))
    made = population(program, range(2))
    updates = begun(made)
    stack, returns = updates.stack, [[], []]
    playing = np.zeros((2, SMALL.environments))
    played = stack._played

    def noting(*given):
        rewards, over = played(*given)
        playing[:] += rewards.numpy()
        for r, e in np.argwhere(over.numpy()):
            returns[r].append(playing[r, e])
            playing[r, e] = 0
        return rewards, over

    monkeypatch.setattr(stack, "_played", noting)
    for step in updates.run():
        if step in (1, 30, 200):
            expected = [np.mean(each[-100:]) if each else 0.0 for each in returns]
            np.testing.assert_allclose(stack.played(), expected, rtol=1e-12)
    assert min(map(len, returns)) > 150
    assert max(np.max(each) for each in returns) <= 200


def test_time_is_up_after_the_limit():
    """A pole that stays up is taken down after 200 steps, and the return is 200."""
    program = replace(PLAYED["cartpole"], recipe=replace(RECIPE, steps=80))
    stack = begun(population(program, [0])).stack
    shape = (1, SMALL.environments)
    for step in range(1, 202):
        stack._state_RES.zero_()
        _, over = stack._played(torch.full(shape, step % 2), torch.zeros(*shape, 4, dtype=torch.float64))
        assert over.all() == (step == 200)
    assert stack.played().item() == 200


def test_of_more_episodes_than_are_kept_the_last_ones_are(monkeypatch):
    """Where 112 end in one step each has a place of its own, or none: a GPU writes twice in whatever order."""
    places, scatter = [], torch.Tensor.scatter_
    monkeypatch.setattr(
        torch.Tensor,
        "scatter_",
        lambda x, dim, at, values: places.extend(at[0].tolist()) or scatter(x, dim, at, values),
    )
    program = replace(PLAYED["cartpole"], learn=replace(SMALL, environments=112), recipe=replace(RECIPE, steps=80))
    stack = begun(population(program, [0])).stack
    stack._age_RE.fill_(stack._environment.limit - 1)
    stack._return_RE.copy_(torch.arange(112.0))
    stack._played(torch.zeros(1, 112, dtype=torch.int64), torch.zeros(1, 112, 4, dtype=torch.float64))
    assert sorted(stack._last_RL[0, :100].tolist()) == [each + 1 for each in range(12, 112)]
    assert stack._ended_R.tolist() == [112]
    assert sorted(places) == [*range(100), *[100] * 12]


def test_what_does_not_go_together_is_refused():
    """An environment without a policy, a policy without one, and environments that fill no vector."""
    with pytest.raises(DesignError, match=r"cartpole is an environment, which a policy plays in. Next: learn=Actor"):
        train(mlp(4, 16, 3), CARTPOLE, replace(RECIPE, batch=10))
    with pytest.raises(DesignError, match=r"batches of 10 .* of cartpole. Next: Recipe\(batch=1\)"):
        train(mlp(4, 16, 3), CARTPOLE, replace(RECIPE, batch=10), learn=SMALL)
    with pytest.raises(DesignError, match=r"a policy in cartpole as what saliency\(\) scores on"):
        saliency(mlp(4, 16, 3), CARTPOLE, by="snip", keep=Fraction(1, 2))
    with pytest.raises(DesignError, match="digits is no environment"):
        train(mlp(64, 16, 10), DIGITS, RECIPE, learn=SMALL)
    policy = train(mlp(4, 16, 3), CARTPOLE, RECIPE, learn=SMALL)
    for measure in (
        lambda: evaluate(policy.network, CARTPOLE, weights=policy.at("end")),
        lambda: between(policy, policy),
    ):
        with pytest.raises(DesignError, match=r"a policy in cartpole as .* Next: compare mean_return"):
            measure()
    assert policy.measures("mean_return")
    assert not policy.measures("test_accuracy")
    with pytest.raises(DesignError, match="a multiple of 16"):
        ActorCritic(environments=20)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"recipe": replace(RECIPE, smoothing=0.1)}, "without smoothed answers"),
        ({"recipe": replace(RECIPE, loss="squared")}, "without another loss"),
        ({"recipe": replace(RECIPE, distil=0.5), "teacher": fresh("reinit")}, "without a teacher"),
        ({"network": mlp(4, 16, 3, dropout=0.5)}, "without dropout"),
        ({"network": mlp(4, 16, 3, batch_norm=True)}, "without BatchNorm"),
    ],
)
def test_what_playing_leaves_out_is_refused(changed, why):
    """It would be in the key and in the report, and change nothing."""
    given = {"network": mlp(4, 16, 3), "recipe": RECIPE} | changed
    with pytest.raises(DesignError, match=f"{why}.* Next: leave that out"):
        train(given.pop("network"), CARTPOLE, given.pop("recipe"), learn=SMALL, **given)


@pytest.mark.parametrize("change", [permuted, mirrored, lambda task: noisy(task, Fraction(1, 2))])
def test_variants_of_an_environment_are_refused(change):
    """There are no examples that could be changed."""
    with pytest.raises(DesignError, match="changes what an environment gives"):
        change(CARTPOLE)


@pytest.mark.parametrize("wrong", [{"steps": 1.5}, {"entropy": float("nan")}, {"reward": 0.0}, {"value": -1.0}])
def test_numbers_that_cannot_be_are_refused(wrong):
    """Before anything is played."""
    with pytest.raises(DesignError, match="Next: correct ActorCritic"):
        ActorCritic(**wrong)


def test_a_policy_that_learns_plays_longer():
    """After 150 updates a pole is kept up for longer than by a policy that has learned nothing."""
    trained = Program(mlp(4, 64, 64, 3), CARTPOLE, replace(RECIPE, steps=150), learn=ActorCritic(reward=0.01))
    idle = replace(trained, recipe=replace(trained.recipe, optimiser=RMSprop(1e-12)))
    means = [
        np.mean(
            [
                row.value
                for m in compute(population(p, range(3))).members
                for row in m.rows
                if row.metric == "mean_return"
            ]
        )
        for p in (trained, idle)
    ]
    assert means[0] > 2 * means[1]
