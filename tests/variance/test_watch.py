"""The seed-variance check: green when nothing changed, and every planted fault named by the tier it belongs to.

Also tests `variance._baselines`, `variance._findings`, `variance._retrained`, `variance._tiers` and
`workflow._variance`.
"""

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from harness import streams
from harness.compute import _returned as returned
from harness.data import _drawing as drawing
from harness.data._tasks import DIGITS
from harness.design._catalogue import Catalogue, watch
from harness.design._claim import Scale
from harness.engine import _course as engine
from harness.engine._feed import Feed
from harness.errors import ResultsError, RunError, UsageError
from harness.expression import Scores, prune, train
from harness.expression import _masks as masks
from harness.networks._network import Init, mlp
from harness.networks._recipe import Adam, Recipe
from harness.stats._acceptance import location, spread
from harness.stats._alarms import check_false_alarm, spread_power
from harness.stats._paired import binomial_range
from harness.streams import Replicate
from harness.variance import _baselines as baselines
from harness.variance import _findings as findings
from harness.variance import _tiers as variance
from harness.variance import _watch as watching
from harness.variance._retrained import Retrained
from harness.variance._tiers import Status, Tier
from tests.inline import Inline
from tests.project import catalogue

ROOT = Path(__file__).parents[2]
NET = mlp(64, 24, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=60, batch=50, validate_every=30)


def nodes():
    """A dense net, its ticket, and edge-popup; small enough for a hundred replicates in a second."""
    dense = train(NET, DIGITS, RECIPE)
    ticket = train(
        NET, DIGITS, RECIPE, mask=prune(dense, keep=Fraction(1, 2)), start=dense.at(10), first_step=10,
        streams={"order": 1},
    )  # fmt: skip
    popup = train(mlp(64, 24, 10, bias=False), DIGITS, RECIPE.with_lr(0.05), learn=Scores(Fraction(1, 2)))
    return {"small/dense": dense, "small/ticket": ticket, "small/popup": popup}


class Here(watching.Watch):
    """Computes in this process; `executors` are handed out in turn, the last one again and again."""

    executors = (Inline,)

    def executor(self):
        made = self.executors[0]
        if len(self.executors) > 1:
            object.__setattr__(self, "executors", self.executors[1:])
        return nullcontext(made())

    def provenance(self):
        return {"git": "abc", "kind": "cpu"}


@pytest.fixture(scope="module")
def accepted(tmp_path_factory):
    """A project with baselines of a hundred replicates."""
    root = tmp_path_factory.mktemp("project")
    watch = Here(nodes=nodes(), scale="micro", root=root)
    files = watching.accept_baselines(watch, reason="the first", replicates=100)
    assert [file.name for file in files] == [f"small-{what}-micro.json" for what in ("dense", "ticket", "popup")]
    return root


def check(root, *, first=1000, replicates=5, **more):
    watch = Here(nodes=nodes(), scale="micro", root=root)
    checked = watching.check_variance(watch, first=first, replicates=replicates, **more)
    return checked.findings, checked.heading


def red(found):
    """The tiers that are red, each with its recipes."""
    tiers = {}
    for finding in findings.failed(found):
        tiers.setdefault(finding.tier, []).append(finding.recipe.removeprefix("small/"))
    return tiers


def test_nothing_changed_is_green(accepted):
    """Every tier speaks of every recipe, nothing is red, and what was run and its false-alarm rate are said."""
    found, heading = check(accepted)
    assert red(found) == {}
    assert {(f.tier, f.recipe) for f in found} == {(tier, recipe) for tier in Tier for recipe in nodes()}
    status = {(f.tier, f.recipe): f.status for f in found}
    assert status[Tier.REPEAT, "small/ticket"] is Status.GREEN
    text = " ".join(heading)
    assert "fresh replicates 1000 to 1004" in text
    assert "--first 1000 --replicates 5" in text
    assert f"{check_false_alarm(recipes=3, m=100, n=5, confirm=10):.2%}" in text


def test_findings_give_their_figures(accepted):
    """Each tier prints what it compared: draws, losses, tolerance, region and p, sds and power."""
    found, _ = check(accepted)
    figures = {f.tier: f.figures for f in found if f.recipe == "small/dense"}
    assert "6 masks with exact counts" in figures[Tier.IDENTITY]
    assert "7 replicates twice: losses of every 10th of 60 steps" in figures[Tier.REPEAT]
    assert "losses of 9 replicates differ by at most 0.0e+00, within" in figures[Tier.TRAJECTORY]
    assert "end weights of 2 replicates as accepted on this machine" in figures[Tier.TRAJECTORY]
    assert "(n 5), baseline" in figures[Tier.LOCATION]
    assert "or within 0.50, p" in figures[Tier.LOCATION]
    power, confirmed = (spread_power(m=100, n=5, looks=looks) for looks in (1, 2))
    assert f"power to see a doubled sd {power:.2f}, confirmed {confirmed:.2f}; only warns" in figures[Tier.SPREAD]


def test_masks_may_be_the_same_in_every_replicate():
    """Weights of one size leave the order of their indices: the mask is the same for all, and no draw was shared."""
    net = mlp(64, 24, 10, bias=False, init=Init.SIGNED_KAIMING_CONSTANT)
    node = train(net, DIGITS, RECIPE, learn=Scores(Fraction(1, 2)))
    drawn = {str(i): variance.drawn(node, Replicate(1, i)) for i in range(3)}
    assert len({tuple(v for k, v in each.items() if k.startswith("mask of")) for each in drawn.values()}) == 1
    accepted = baselines.Baseline(
        recipe="small/popup", scale="micro", key=node.key, suite_seed=1, accepted="", reason="", replaces="",
        drawn=drawn, trajectory=None, values={}, weights={}, provenance={},
    )  # fmt: skip
    assert variance.identity("small/popup", node, accepted, [Replicate(1, 5)]).status is Status.GREEN


# Planted faults


def test_a_higher_learning_rate_is_named_by_the_trajectory(accepted, monkeypatch):
    """An engine that applies 5 % too much leaves draws, keys and repeats alone and moves the first losses."""
    real = Recipe.learning_rate
    monkeypatch.setattr(Recipe, "learning_rate", lambda self, step: 1.05 * real(self, step))
    found, _ = check(accepted)
    assert red(found) == {Tier.TRAJECTORY: ["dense", "ticket", "popup"]}
    (finding,) = (f for f in found if f.tier is Tier.TRAJECTORY and f.recipe == "small/dense")
    assert "losses leave the committed ones at step 2 by" in finding.figures
    assert finding.next.endswith('harness variance small/dense --accept --reason "..."')


def test_a_changed_recipe_is_named_by_its_key(accepted):
    """A learning rate changed in the recipe itself is another key: identity says so before anything is trained."""
    faster = {name: variance.faster(node) for name, node in nodes().items() if name == "small/dense"}
    watch = Here(nodes=faster, scale="micro", root=accepted)
    found = watching.check_variance(watch, first=1000, replicates=5).findings
    assert Tier.IDENTITY in red(found)
    assert "the recipe's key is" in findings.failed(found)[0].figures


def share_order(monkeypatch, *, of, like):
    """Plant: replicate `of` sees its images in the order of replicate `like`."""
    real = drawing.permutations

    def shared(replicate, stream, draw, **more):
        if stream == "order" and replicate.index == of:
            replicate = replace(replicate, index=like)
        return real(replicate, stream, draw, **more)

    monkeypatch.setattr(drawing, "permutations", shared)


def test_a_shared_data_order_is_named_by_identity(accepted, monkeypatch):
    """One replicate that sees the order of another one: named with both, by tier 0 and no other."""
    share_order(monkeypatch, of=7, like=3)
    found, _ = check(accepted)
    assert red(found) == {Tier.IDENTITY: ["dense", "ticket", "popup"]}
    assert "replicate 7" in findings.failed(found)[0].figures


def test_a_fresh_replicate_that_repeats_another_is_named(accepted, monkeypatch):
    """Uniqueness is asked of the fresh replicates too: two of one index's draws are one replicate counted twice."""
    share_order(monkeypatch, of=1001, like=1000)
    found, _ = check(accepted)
    assert "of replicate 1001 is that of replicate 1000" in findings.failed(found)[0].figures


def test_a_mask_off_by_one_weight_is_named_by_identity(accepted, monkeypatch):
    """A mask that keeps one weight too many has a wrong count, said by layer with what is expected."""
    real = masks.largest
    monkeypatch.setattr(masks, "largest", lambda magnitude, alive, count: real(magnitude, alive, count + 1))
    monkeypatch.setattr(returned, "_check_counts", lambda units, computed: None)  # which would end the run before
    found, _ = check(accepted)
    # The ticket was pruned with the mask, so its end weights differ as well; nothing else of it does.
    assert red(found).pop(Tier.IDENTITY) == ["dense", "ticket", "popup"]
    assert "a mask of 1/2 by layer keeps 769 weights of fc1, not 768" in findings.failed(found)[0].figures


def test_a_renamed_stream_is_named_by_identity(accepted, monkeypatch):
    """A stream that went by another name draws other numbers: identity says which draw is gone or different."""
    renamed = tuple("shuffle" if name == "order" else name for name in streams.STREAMS)
    real = drawing.permutations
    monkeypatch.setattr(streams, "STREAMS", renamed)
    monkeypatch.setattr(variance, "STREAMS", renamed)
    monkeypatch.setattr(
        drawing, "permutations", lambda r, stream, d, **more: real(r, stream.replace("order", "shuffle"), d, **more)
    )
    found, _ = check(accepted)
    assert Tier.IDENTITY in red(found)
    told = findings.failed(found)[0].figures
    assert "stream order of replicate 0 (now gone, accepted" in told or "batches of order 0" in told


def test_a_stream_that_is_gone_ends_the_check(accepted, monkeypatch):
    """Where a draw is not possible any more, nothing can be trained, and identity alone is red."""
    renamed = tuple("shuffle" if name == "order" else name for name in streams.STREAMS)
    monkeypatch.setattr(streams, "STREAMS", renamed)
    monkeypatch.setattr(variance, "STREAMS", renamed)
    found, heading = check(accepted)
    assert red(found) == {Tier.IDENTITY: ["dense", "ticket", "popup"]}
    assert "unknown random stream 'order'" in found[0].figures
    assert heading[-1] == "Nothing was trained."


class OtherOrder(Inline):
    """Sums over a batch backwards: the same mathematics, another last digit."""

    def submit(self, number, population, checkpoint=None):
        real = Feed.draw

        def backwards(data, room, first, last):
            real(data, room, first, last)
            for drawn in room[:2]:
                drawn.copy_(drawn.flip(2))

        Feed.draw = backwards
        try:
            return super().submit(number, population)
        finally:
            Feed.draw = real


def test_a_reduction_in_another_order_is_named_by_the_repeat(accepted, monkeypatch):
    """Bits that differ between processes are red in 1a and nowhere else, with the first step and the settings."""
    monkeypatch.setattr(Here, "executors", (Inline, OtherOrder))
    found, _ = check(accepted)
    assert red(found) == {Tier.REPEAT: ["dense", "ticket", "popup"]}
    told = findings.failed(found)[0].figures
    assert re.search(r"the loss of step [1-9]0 is", told)  # at which step rounding shows first, the processor decides
    for word in ("and then", "packed place", "deterministic algorithms", "TF32", "threads"):
        assert word in told


def test_rounding_alone_leaves_first_losses_within_tolerance(accepted, monkeypatch):
    """Another order of sums in every process, as on another machine: losses pass, this machine's weights differ."""
    monkeypatch.setattr(Here, "executors", (OtherOrder,))
    found, _ = check(accepted)
    assert red(found) == {Tier.TRAJECTORY: ["dense", "ticket", "popup"]}
    assert all("end weights of replicate" in finding.figures for finding in findings.failed(found))
    monkeypatch.setattr(engine, "computer", lambda device: {"processor": "other", "instructions": "0"})
    assert red(check(accepted)[0]) == {}


def test_a_shifted_mean_is_named_by_the_location_and_confirmed(accepted, monkeypatch):
    """Accuracies three points lower are red in tier 2, after a second look at further fresh replicates."""
    real = Retrained.values
    monkeypatch.setattr(Retrained, "values", lambda self, name: real(self, name) - 3 * SD[name])
    found, _ = check(accepted)
    assert red(found) == {Tier.LOCATION: ["dense", "ticket", "popup"]}
    assert all(". Confirmation: fresh" in finding.figures for finding in findings.failed(found))


SD = {"small/dense": 5.0, "small/ticket": 5.0, "small/popup": 25.0}  # percentage points, far above what these nets show


def test_a_first_look_that_is_not_confirmed_warns(accepted, monkeypatch):
    """A shift that only the first fresh replicates show is chance: a warning with both looks' figures."""
    real = Retrained.values

    def values(self, name):
        return real(self, name) - SD[name] * 3 * any(r.index == 1000 for r in self.replicates)

    monkeypatch.setattr(Retrained, "values", values)
    found, _ = check(accepted)
    assert red(found) == {}
    warned = [f for f in found if f.tier is Tier.LOCATION]
    assert {f.status for f in warned} == {Status.WARNING}
    assert all(f.figures.endswith("not confirmed") for f in warned)


def test_spread_gates_from_twenty_fresh_values(accepted, monkeypatch):
    """A spread five times as large warns on five fresh values and is red, confirmed, on twenty."""
    real = Retrained.values

    def values(self, name):
        found = real(self, name)
        return found.mean() + 5 * (found - found.mean())

    monkeypatch.setattr(Retrained, "values", values)
    few, many = check(accepted)[0], check(accepted, replicates=20)[0]
    assert Tier.SPREAD not in red(few)
    assert red(many)[Tier.SPREAD] == ["dense", "ticket", "popup"]


# On the committed baselines


def committed():
    return [
        baselines.read_baseline(
            baselines.baseline_path(ROOT / "reports" / "baselines", name, "micro"), recipe=name, scale="micro"
        )
        for name in sorted(catalogue().watched)
    ]


@pytest.fixture(scope="module")
def stored():
    """The committed test accuracies, (replicates,) a recipe."""
    return [np.array(list(baseline.values.values())) for baseline in committed() if "/" in baseline.recipe]


def test_every_watched_recipe_has_a_baseline_that_can_gate(stored):
    """Each recipe behind the headline claims has a baseline of its present key, with values enough for tier 3."""
    for baseline in committed():
        assert baseline.key == catalogue().watched[baseline.recipe].build(Scale.MICRO).key
        assert len(baseline.values) >= 60
    assert len(stored) == len(catalogue().watched) >= 4


def looks(values, rng, sizes):
    """Disjoint samples of these sizes from one recipe's values."""
    return np.split(rng.permutation(values)[: sum(sizes)], np.cumsum(sizes)[:-1])


@pytest.mark.parametrize(("n", "confirm"), [(5, 10), (20, 20)])
def test_false_alarms_stay_at_the_stated_rate(stored, n, confirm):
    """200 checks, baseline and both looks from disjoint splits of the stored runs: red as often as is said."""
    rng = np.random.default_rng(5)
    alarms = first_looks = 0
    for _ in range(200):
        red = False
        for values in stored:
            baseline, fresh, more = looks(values, rng, (50, n, confirm))
            for test in (lambda a, b: location(a, b, margin=0).red, lambda a, b: spread(a, b).red):
                first_looks += test(baseline, fresh)
                red |= test(baseline, fresh) and test(baseline, more)
        alarms += red
    stated = check_false_alarm(recipes=len(stored), m=50, n=n, confirm=confirm)
    assert alarms <= binomial_range(200, stated)[1]
    tests = 200 * len(stored) * (1 if n < 20 else 2)
    assert first_looks <= binomial_range(tests, 0.01)[1]


def test_a_doubled_spread_is_caught_at_its_power(stored):
    """Deviations doubled in 200 resamples of the stored runs: both looks see it as often as computed."""
    rng = np.random.default_rng(6)
    caught = tried = 0
    for resample in range(200):
        values = stored[resample % len(stored)]
        baseline, fresh, more = looks(values, rng, (50, 20, 20))
        mean = values.mean()
        caught += all(spread(baseline, mean + 2 * (sample - mean)).red for sample in (fresh, more))
        tried += 1
    low, high = binomial_range(tried, spread_power(m=50, n=20))
    assert low <= caught <= high


def test_a_training_is_watched_at_its_own_scales(tmp_path):
    """What is declared for one scale is never taken for another; nothing left is a usage error."""
    with Catalogue(tmp_path).collecting() as known:
        watch("a/one", lambda scale: scale, scales=("micro", "paper"))
        watch("a/two", lambda scale: scale)
    assert known.select_watched([], Scale.MICRO) == {"a/one": Scale.MICRO, "a/two": Scale.MICRO}
    assert known.select_watched(["a"], Scale.PAPER) == {"a/one": Scale.PAPER}
    with pytest.raises(UsageError, match="watched at scale standard"):
        known.select_watched([], Scale.STANDARD)


# Baselines as files


def test_a_new_baseline_keeps_the_old_one(tmp_path):
    """Accepting again moves the file to history/ and says which one it replaces."""
    watch = Here(nodes={"small/dense": nodes()["small/dense"]}, scale="micro", root=tmp_path)
    (first,) = watching.accept_baselines(watch, reason="the first", replicates=10)
    before = first.read_text()
    (second,) = watching.accept_baselines(watch, reason="a new torch", replicates=10)
    assert second == first
    now = baselines.read_baseline(second)
    assert (now.reason, now.replaces) == ("a new torch", "history/small-dense-micro-1.json")
    assert (second.parent / now.replaces).read_text() == before


def edited(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.write_text(file.read_text()[:-200]), "truncated or no JSON"),
        (lambda file: edited(file, lambda c: c["values"].update({"0": 99.0})), "edited by hand"),
        (lambda file: edited(file, lambda c: c.pop("seal")), "edited by hand"),
        (lambda file: edited(file, lambda c: c.update(format=2)), "has format 2"),
        (lambda file: file.write_text("[]"), "has format None"),
        (lambda file: file.unlink(), "no baseline at"),
        (lambda file: file.write_text(file.with_name("small-popup-micro.json").read_text()), "is the baseline of"),
    ],
)  # fmt: skip
def test_a_baseline_that_is_not_what_was_accepted_is_refused(accepted, tmp_path, spoil, message):
    """Cut, edited, foreign or missing: refused with the reason and the next command, before anything is computed."""
    folder = tmp_path / "reports" / "baselines"
    folder.mkdir(parents=True)
    for file in (accepted / "reports" / "baselines").glob("*.json"):
        (folder / file.name).write_text(file.read_text())
    spoil(folder / "small-dense-micro.json")
    with pytest.raises(ResultsError, match=f"{message}.*Next: "):
        check(tmp_path)


def test_calibration_refuses_what_rounding_hides():
    """Where rounding moves first losses as much as a wrong learning rate does, there is no tolerance to set."""
    plain = np.full((3, 4), 2.0)
    noisy = plain * (1 + np.array([0, 1e-3, 1e-2, 1e-1]))
    with pytest.raises(RunError, match="cannot tell a learning rate 5 % higher"):
        variance.calibrate(plain, [noisy], plain * (1 + np.array([0, 1.1e-3, 1.1e-2, 1.1e-1])))


def test_tolerance_lies_between_noise_and_signal():
    """Steps end where noise and signal are furthest apart; ten times the noise, at least 1e-5, below the signal."""
    plain = np.full((3, 4), 2.0)
    noise, signal = np.array([0, 1e-7, 5e-6, 1e-2]), np.array([0, 1e-3, 4e-2, 5e-2])
    steps, tolerance, low, high = variance.calibrate(plain, [plain * (1 + noise)], plain * (1 + signal))
    assert (steps, tolerance) == (3, pytest.approx(5e-5))
    assert (low, high) == (pytest.approx(5e-6), pytest.approx(4e-2))
    assert variance.calibrate(plain, [plain], plain * (1 + signal))[1] == 1e-5


# What a user and a server read


def test_fresh_indices_follow_from_the_commit(tmp_path):
    """The same commit gives the same fresh replicates, never a baseline's; a folder without git has some too."""
    first = watching.first_fresh(ROOT)
    assert first == watching.first_fresh(ROOT)
    assert 1000 <= first < 1_000_000
    assert 1000 <= watching.first_fresh(tmp_path) < 1_000_000


def test_junit_and_summary_say_what_is_red(accepted, monkeypatch):
    """A failure a red finding, with figures and the next command; the summary starts with what is red."""
    monkeypatch.setattr(Here, "executors", (Inline, OtherOrder))
    found, heading = check(accepted)
    suite = ElementTree.fromstring(findings.findings_junit(found))
    assert (suite.get("tests"), suite.get("failures")) == (str(len(found)), "3")
    failures = {(case.get("classname"), case.get("name")) for case in suite if case.find("failure") is not None}
    assert failures == {("tier 1a repeat", recipe) for recipe in nodes()}
    lines = findings.findings_markdown(found, heading).splitlines()
    assert lines[0] == "## Seed variance: red"
    rows = [line for line in lines if line.startswith("| 1a") or line.startswith("| 0")]
    assert rows[0].startswith("| 1a repeat | small/dense | red | ")
    assert "**Next: " in rows[0]


def test_replay_packs_as_before(accepted, tmp_path):
    """The second computation puts the same members into the same populations."""
    block = [Replicate(1, i) for i in range(3)]
    one = Retrained(nodes(), block, tmp_path / "one").compute(Inline(), provenance={})
    two = Retrained(nodes(), block, tmp_path / "two", replay=one).compute(Inline(), provenance={})
    packed = [
        [[m.unit for m in record.members] for record in retrained.plan.store.records.values()]
        for retrained in (one, two)
    ]
    assert packed[0] == packed[1]
    assert one.difference("small/ticket", two) is None
