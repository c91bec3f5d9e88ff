"""A trained network out again: what is written loads into plain torch layers, and answers as the training did.

Also tests `engine._plain`.
"""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file
from torch import nn

import harness
from harness import (
    DIGIT_DIFFERENCE,
    DIGITS,
    SGD,
    Axis,
    Design,
    Image,
    Recipe,
    RedrawnScores,
    Scale,
    Scores,
    Source,
    Switches,
    beats,
    mlp,
    network,
    prune,
    train,
    vision_transformer,
    without,
)
from harness.compute import EXECUTORS
from harness.data import held_out, source
from harness.design import Catalogue
from harness.engine import _plain, plain_module
from harness.errors import DesignError, ResultsError, RunError, UsageError
from harness.expression import evaluate, random_mask
from harness.networks import conv_net
from harness.streams import SUITE_SEED, Replicate
from harness.workflow import Session, _exporting, export, plan, run
from tests import command
from tests.command import Here
from tests.members import RESIDUAL
from tests.packages import write_claims

NET = mlp(64, 12, 10)
NORMED = mlp(128, 14, 10, 10, batch_norm=True)
CONV = conv_net(2, image=Image(1, 8, 8), width=Fraction(1, 13), dropout=0.5)
RECIPE = Recipe(optimiser=SGD(0.1), steps=60, batch=20, validate_every=30)
TENTH = Fraction(1, 10)
TRANSFORMER = vision_transformer(image=Image(1, 8, 8), patch=4, features=8, heads=2, hidden=12)


@network("tests/exported")
def own(inputs):
    """A torch module whose weights lie both ways."""
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 10))


OWN = own(inputs=(1, 8, 8))


def design(scale):
    """Arms of several sorts: at two densities, drawn twice, with BatchNorm, of images, of scores; and one untrained."""
    dense = train(NET, DIGITS, RECIPE)
    ticket = [
        train(NET, DIGITS, RECIPE, mask=prune(dense, keep=keep), start=dense.at(0)) for keep in (Fraction(1, 2), TENTH)
    ]
    drawn = [train(NET, DIGITS, RECIPE, mask=random_mask(NET, keep=TENTH, draw=i)) for i in (1, 2)]
    return Design(
        arms={
            "dense": dense,
            "ticket": ticket,
            "drawn": drawn,
            "normed": train(NORMED, DIGIT_DIFFERENCE, RECIPE),
            "conv": train(CONV, DIGITS, RECIPE),
            "residual": train(RESIDUAL, DIGITS, RECIPE),
            "transformer": train(TRANSFORMER, DIGITS, RECIPE, mask=random_mask(TRANSFORMER, keep=Fraction(1, 2))),
            "module": train(OWN, DIGITS, RECIPE, mask=random_mask(OWN, keep=Fraction(1, 2))),
            "redrawn": train(mlp(64, 12, 10), DIGITS, RECIPE, learn=RedrawnScores(Fraction(1, 2), every=20)),
            "scores": train(mlp(64, 12, 10, bias=False), DIGITS, RECIPE, learn=Scores(Fraction(1, 2))),
            "untrained": evaluate(NET, DIGITS),
        },
        parts=(beats("dense", "conv", on=DIGITS),),
        contrast=("network",),
    )


PLACE = Axis("place", log=False)


def session_on(root, build):
    """A session of two replicates on one claim with this design."""
    with Catalogue(root / "claims").collecting() as catalogue:
        made = harness.claim(
            "mine/nets",
            statement="Nets.",
            source=Source(version="none", place="here", published="none"),
            predicted={"micro": "reproduced"},
        )(build)
    return Session(
        root=root,
        catalogue=catalogue,
        scale=Scale.MICRO,
        claims=(made,),
        store=root / "store",
        replicates=2,
    )


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """A session whose claim has been run, two replicates in full."""
    session = session_on(tmp_path_factory.mktemp("project"), design)
    before, EXECUTORS._things["local"] = EXECUTORS["local"], Here
    run(session)
    yield session
    EXECUTORS._things["local"] = before


def answers(net, task, replicate, shape=(-1,)):
    """How many test examples a module answers right, from the stored images: by no code of the engine."""
    images, _ = source(task.source)
    held = held_out(task, replicate, split="test")
    x = torch.from_numpy(np.asarray(images)[held.images].reshape(len(held.images), -1).astype(np.float32))
    with torch.no_grad():
        return int((net.eval()(x.view(len(x), *shape)).argmax(1).numpy() == held.answers).sum()), len(held.answers)


@pytest.mark.parametrize("arm", ["dense", "normed", "conv", "residual", "transformer", "module", "scores", "redrawn"])
def test_the_plain_module_answers_as_the_training_did(computed, tmp_path, arm):
    """As many test examples are right as the stored row says, with torch's layers and the files alone."""
    made = export(computed, arm=arm, replicate=1, out=tmp_path)
    node = computed.claims[0].design(Scale.MICRO).arms[arm]
    net = plain_module(node.network)
    net.load_state_dict(torch.load(tmp_path / "state_dict.pt"), strict=True)
    shape = (1, 8, 8) if arm == "module" else (-1,)
    right, of = answers(net, node.task, Replicate(SUITE_SEED, 1), shape)
    assert right / of == made.stored
    assert right > node.task.chance * of
    assert (made.right, made.of, made.retrained) == (right, of, False)
    assert "test examples right, as the training did" in made.told
    weights = load_file(tmp_path / "weights.safetensors")
    assert {n: (v == weights[n]).all() for n, v in torch.load(tmp_path / "state_dict.pt").items()} == dict.fromkeys(
        weights, True
    )


def test_a_text_and_a_policy_are_exported(tmp_path, monkeypatch):
    """A language model answers each token as the training did; a policy has no examples, and says its return."""
    monkeypatch.setitem(EXECUTORS._things, "local", Here)
    recipe = Recipe(optimiser=SGD(0.5), steps=20, batch=16)
    text = replace(harness.SHAKESPEARE, train_images=600, validation_images=30, test_images=30)
    arms = {
        "reader": train(harness.lstm_net(62, places=32, features=8, hidden=12), text, recipe),
        "policy": train(
            mlp(4, 16, 3), harness.CARTPOLE, replace(recipe, batch=1), learn=harness.ActorCritic(reward=0.01)
        ),
    }
    told = {"reader": "of 960 test examples right, as the training did", "policy": "its mean return was"}
    for arm, node in arms.items():
        part = beats(arm, arm, on=node.task, metric="nats" if arm == "reader" else "mean_return")
        session = session_on(tmp_path / arm, lambda scale, arm=arm, node=node, part=part: two(arm, node, part))
        run(session)
        made = export(session, arm=arm, replicate=1, out=tmp_path / arm / "out")
        assert (made.of, made.right > 0) == ((960, True) if arm == "reader" else (0, False))
        assert told[arm] in made.told


def two(arm, node, part):
    """A design of one arm and the same in another order."""
    again = replace(node, streams=(("order", 1),))
    return Design(
        arms={arm: node, "again": again}, parts=(replace(part, reference="again"),), contrast=("streams.order",)
    )


def test_a_state_loads_into_layers_written_by_hand(computed, tmp_path):
    """An `nn.Sequential` of the same layers takes it as it is, without the harness."""
    export(computed, arm="dense", replicate=0, out=tmp_path)
    net = nn.Sequential(nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))
    net.load_state_dict(torch.load(tmp_path / "state_dict.pt"), strict=True)


def test_mask_and_start_are_those_of_the_training(computed, tmp_path):
    """The mask keeps the density; weights outside are zero; the start is the dense net's, in torch's shapes."""
    export(computed, arm="ticket", density="1/10", replicate=0, out=tmp_path / "ticket")
    export(computed, arm="dense", replicate=0, out=tmp_path / "dense")
    mask, start, weights = (load_file(tmp_path / "ticket" / f"{n}.safetensors") for n in ("mask", "start", "weights"))
    assert {name: int(kept.sum()) for name, kept in mask.items()} == {"0.weight": 77, "2.weight": 12}
    assert all((weights[name][~kept.astype(bool)] == 0).all() for name, kept in mask.items())
    begun = harness.networks.initial_values(NET, Replicate(SUITE_SEED, 0), "init", 0)
    assert (start["0.weight"] == begun[NET.tensors()[0].slice].reshape(64, 12).T).all()
    trained = load_file(tmp_path / "dense" / "weights.safetensors")
    assert all((load_file(tmp_path / "dense" / "mask.safetensors")[n] == 1).all() for n in mask)
    largest = np.sort(np.abs(trained["0.weight"]).ravel())[-77:]
    assert set(np.abs(trained["0.weight"][mask["0.weight"].astype(bool)])) == set(largest)


def test_learned_scores_are_exported_as_the_weights_that_they_choose(computed, tmp_path):
    """Half of each layer's weights, which are those of the start, scaled by the root of two."""
    export(computed, arm="scores", replicate=0, out=tmp_path)
    mask, start, weights = (load_file(tmp_path / f"{n}.safetensors") for n in ("mask", "start", "weights"))
    for name, kept in mask.items():
        assert kept.sum() * 2 == kept.size
        np.testing.assert_array_equal(weights[name], start[name] * kept * np.float32(2**0.5))


def test_files_say_what_they_are(computed, tmp_path):
    """Each has the key, the claim, the arm, the replicate, the density, the commit and the network."""
    made = export(computed, arm="ticket", density=0.5, replicate=1, out=tmp_path)
    node = computed.claims[0].design(Scale.MICRO).points["ticket"][Fraction(1, 2)][0]
    for file in made.files[:3]:
        with safe_open(file, framework="numpy") as tensors:
            known = tensors.metadata()
        assert known == made.known
    assert (known["key"], known["claim"], known["arm"], known["replicate"]) == (node.key, "mine/nets", "ticket", "1")
    assert (float(known["density"]), known["suite_seed"]) == (0.5, str(SUITE_SEED))
    assert json.loads(known["layers"]) == {"0": "fc1", "2": "output"}
    assert json.loads(known["network"])["layers"][0]["outputs"] == 12
    assert float(known["test_accuracy"]) == made.stored
    assert known["commit"]


def test_what_the_store_has_not_is_trained_again(computed, tmp_path):
    """From the results alone: the same weights come back, and that is said."""
    kept = export(computed, arm="ticket", density=0.1, replicate=1, out=tmp_path / "kept")
    session = replace(computed, store=tmp_path / "store")
    again = export(session, arm="ticket", density=0.1, replicate=1, out=tmp_path / "again")
    assert again.retrained
    assert "trained again to the accuracies of the results; the module answers" in again.told
    for file in ("weights", "mask", "start"):
        one, other = (load_file(tmp_path / which / f"{file}.safetensors") for which in ("kept", "again"))
        assert all((one[name] == other[name]).all() for name in one)
    assert kept.known["test_accuracy"] == again.known["test_accuracy"]


def test_a_module_that_answers_otherwise_is_refused(computed, tmp_path, monkeypatch):
    """Where plain layers are not the trained net, as for a way to learn that they cannot have, nothing is written."""
    from harness import engine

    whole = engine.as_plain
    monkeypatch.setattr(engine, "as_plain", lambda population, end, mask: whole(population, end * 0, mask))
    with pytest.raises(ResultsError, match=r"as plain layers it answers .* it is another net\. Next: raise version="):
        export(computed, arm="dense", replicate=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_policy_that_acts_otherwise_is_refused(tmp_path, monkeypatch):
    """It has no examples whose count could tell: its logits are compared."""
    monkeypatch.setitem(EXECUTORS._things, "local", Here)
    recipe = Recipe(optimiser=SGD(0.5), steps=20, batch=1)
    node = train(mlp(4, 16, 3), harness.CARTPOLE, recipe, learn=harness.ActorCritic(reward=0.01))
    part = beats("policy", "policy", on=node.task, metric="mean_return")
    session = session_on(tmp_path, lambda scale: two("policy", node, part))
    run(session)
    monkeypatch.setattr(_plain, "plain_module", lambda network: Doubled(network.layers))
    with pytest.raises(RunError, match=r"the policy gives other logits, by \d.*Next: report this"):
        export(session, arm="policy", replicate=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Doubled(nn.Sequential):
    """A module that has the parameters, and answers twice as much."""

    def __init__(self, layers):
        super().__init__(*_plain._layers(layers, "vector"))

    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize("stored", [True, False])
def test_another_net_than_the_reported_one_is_refused(computed, tmp_path, monkeypatch, stored):
    """Where the training has other accuracies than the results, stored or made again, nothing is written."""
    monkeypatch.setattr(_exporting, "_reported", lambda *_: {"test_accuracy": 0.5})
    session = computed if stored else replace(computed, store=tmp_path / "store")
    with pytest.raises(ResultsError, match=r"as trained here, and 0\.5 in the results: .* harness run mine/nets, for"):
        export(session, arm="dense", replicate=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_net_whose_density_only_training_tells_is_exported(tmp_path, monkeypatch):
    """Units are switched off on the way, or masks are of different trainings: along an axis of its own both run."""
    monkeypatch.setitem(EXECUTORS._things, "local", Here)
    dense, other = (train(NET, DIGITS, RECIPE, streams={"order": i}) for i in (0, 1))
    rest = without(prune(dense, keep=Fraction(9, 10)), prune(other, keep=TENTH))
    arms = {
        "switched": {1: train(NET, DIGITS, RECIPE, learn=Switches(penalty=0.001)), 2: dense},
        "rest": {1: train(NET, DIGITS, RECIPE, mask=rest, start=dense.at(0))},
    }

    def build(scale):
        return Design(arms=arms, parts=(beats("switched", "rest", on=DIGITS),), contrast=("learn", "mask"), axis=PLACE)

    session = session_on(tmp_path, build)
    run(session)
    for arm, given in (("switched", {"density": 1}), ("rest", {})):
        made = export(session, arm=arm, replicate=1, out=tmp_path / arm, **given)
        assert "test examples right, as the training did" in made.told
        assert float(made.known["density"]) == 1


def test_a_density_that_only_training_tells_is_refused_by_claim_and_arm(tmp_path):
    """Where arms lie along density, the claim and the arm are named, not the training's key alone."""

    def build(scale):
        return Design(arms={"switched": train(NET, DIGITS, RECIPE, learn=Switches(penalty=0.001))})

    with pytest.raises(DesignError, match=r"^mine/nets, arm 'switched': how many weights .* is known only after"):
        plan(session_on(tmp_path, build))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"arm": "tickt"}, r"has no arm 'tickt'; did you mean ticket\? Arms: dense, ticket"),
        ({"arm": "ticket"}, r"has 2 densities: 0\.5, 0\.1002\. Next: --density, one of them"),
        ({"arm": "ticket", "density": 0.3}, r"has no density 0\.3: it has 0\.5, 0\.1002\. Next: one of them"),
        ({"arm": "ticket", "density": "half"}, r"'half' is no density\. Next: a fraction kept, as 0\.05 or 1/20"),
        ({"arm": "drawn"}, r"has 2 trainings there\. Next: --draw 0 to 1"),
        ({"arm": "drawn", "draw": 2}, r"has no draw 2 there\. Next: --draw 0 to 1"),
        ({"arm": "untrained"}, r"trains nothing: it measures\. Next: an arm that does, of dense, ticket"),
        ({"arm": "dense", "replicate": 2}, r"has no replicate 2: they are 0 to 1\. Next: --replicate 0"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(computed, tmp_path, asked, why):
    """An arm, a density, a draw, a replicate; nothing is written."""
    with pytest.raises(UsageError, match=why):
        export(computed, **{"replicate": 0, "out": tmp_path / "out"} | asked)
    assert not (tmp_path / "out").exists()


def test_a_layer_that_torch_has_not_is_refused():
    """Nothing is left out silently."""

    class Odd(tuple):
        layers = ("an odd layer",)

    with pytest.raises(DesignError, match=r"torch has no layer like an odd layer\. Next: "):
        plain_module(Odd())


def test_the_command_exports_what_a_run_has_stored(tmp_path, monkeypatch):
    """And names the run where nothing is stored."""
    monkeypatch.chdir(tmp_path)
    write_claims(tmp_path / "claims")
    asked = ("export", "doe2026/largest-beat-random", "--arm", "largest", "--replicate", "1", "--quick")
    result = command.harness(*asked)
    assert (result.returncode, "is not computed" in result.stderr) == (2, True)
    assert "Next: harness run doe2026/largest-beat-random" in result.stderr
    assert command.harness("run", "--quick").returncode == 0
    result = command.harness(*asked)
    assert result.returncode == 0, result.stderr
    folder = "exported/doe2026-largest-beat-random/largest-0.1-1"
    assert f"wrote {folder}/weights.safetensors" in result.stdout
    assert "test examples right, as the training did." in result.stdout
    assert sorted(path.name for path in (tmp_path / folder).iterdir()) == [
        "mask.safetensors",
        "start.safetensors",
        "state_dict.pt",
        "weights.safetensors",
    ]
