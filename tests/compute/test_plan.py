"""The plan: what is due and why, what is shared, and what packs together.

Also tests `population._population`, `population._units` and `workflow._planning`.
"""

import hashlib
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from harness.compute import _inputs as inputs
from harness.compute._inputs import Made
from harness.compute._plan import MAX_MEMBERS, PARAMETERS, SLACK, Plan, Wanted
from harness.compute._run import run_plan
from harness.data._tasks import DIGITS, MNIST
from harness.design._claim import Claim, Scale, Source
from harness.expression import (
    Scope,
    Scores,
    Snapshot,
    _trainings,
    consumed,
    evaluate,
    fresh,
    lineage,
    prune,
    random_mask,
    resample,
    shuffle,
    train,
)
from harness.expression._masks import learned_bits, ones, prune_by_magnitude, resampled, shuffled
from harness.networks._initial import initial_values
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.population._jolt import jolted
from harness.population._population import Computed, MemberResult, Program, Row, unit_name
from harness.population._provenance import Provenance
from harness.stats._kinds import Outcome
from harness.store._records import MemberRecord, Record, digest
from harness.store._store import Store
from harness.streams import Replicate
from harness.workflow._planning import totals
from tests.inline import Inline

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=30, batch=20)
HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
REPLICATES = tuple(Replicate(11, i) for i in range(2))
SIZE = NET.flat_size

DENSE = train(NET, DIGITS, RECIPE)
FIRST = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=HALF), start=DENSE.at(5), first_step=5)
SECOND = train(NET, DIGITS, RECIPE, mask=prune(FIRST, keep=QUARTER), start=DENSE.at(5), first_step=5)
REINIT = train(NET, DIGITS, RECIPE, mask=prune(FIRST, keep=QUARTER), start=fresh("reinit"))
LATE = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=HALF), start=DENSE.at(7), first_step=7)
SCORES = train(NET, DIGITS, RECIPE, learn=Scores(HALF))


def claim(design, id="paper/claim"):
    source = Source(version="v1", place="section 1", published="none")
    predicted = {Scale.MICRO: Outcome.REPRODUCED}
    return Claim(id=id, statement="It does.", source=source, predicted=predicted, build=lambda scale: design)


def request(*nodes, id="paper/claim", replicates=REPLICATES):
    """What is wanted of these nodes."""
    return Wanted(id, nodes, replicates)


def fake(population, generation=0):
    """What computing a population might bring: numbers that depend on unit, slot and generation, not on packing."""

    def made(unit, name):
        seed = int.from_bytes(hashlib.sha256(f"{unit} {name} {generation}".encode()).digest()[:8], "big")
        return np.random.default_rng(seed).standard_normal(population.program.network.flat_size).astype(np.float32)

    slots = [*map(str, population.snapshots), "end"] if population.program.recipe else []
    learn = population.program.learn
    results = []
    for member in population.members:
        arrays = {name: made(member.unit, name) for name in slots}
        if learn:
            arrays["mask"] = learned_bits(population.program.network, arrays["end"], learn.keep)
        results.append(MemberResult(member.unit, (Row("test_accuracy", 30, 0.5),), arrays))
    return Computed(tuple(results), 1.0, "cpu", {})


def compute(plan, writer, generation=0):
    """Compute all that is due, as `run` does, with made-up numbers; returns the populations."""
    done = []
    while units := plan.next_population(set(), idle=1):
        population = plan.pack(units)
        writer.add(population, fake(population, generation), {})
        done.append(population)
    return done


def recompute(plan, writer, node, generation):
    """Compute a node again, though it may be stored."""
    population = plan.pack([plan.units[unit_name(node, r)] for r in REPLICATES])
    writer.add(population, fake(population, generation), {})


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store(tmp_path)


@pytest.fixture
def writer(store):
    """The writer of the empty store."""
    with store.writing() as writer:
        yield writer


def nodes_of(units):
    return {unit.node for unit in units}


# --- what is due ---------------------------------------------------------------------------------------------------


def test_two_claims_share_the_trainings_both_mention(store):
    """Equal trainings are one unit a replicate that knows both claims; replicates are the union of both blocks."""
    wide = tuple(Replicate(11, i) for i in range(5))
    plan = Plan([request(FIRST, id="p/a"), request(SECOND, REINIT, id="p/b", replicates=wide)], store)
    assert len(plan.units) == 4 * 5
    for node, claims in ((DENSE, ("p/a", "p/b")), (FIRST, ("p/a", "p/b")), (SECOND, ("p/b",)), (REINIT, ("p/b",))):
        assert [plan.units[unit_name(node, r)].wanted_by for r in REPLICATES] == [claims] * 2
        assert [plan.units[unit_name(node, r)].wanted_by for r in wide[2:]] == [("p/b",)] * 3
    again = train(NET, DIGITS, Recipe(optimiser=Adam(3e-3), steps=30, batch=20))
    assert len(Plan([request(DENSE, id="p/a"), request(again, id="p/b")], store).units) == 2


def test_totals_say_what_claims_share_and_what_is_left(store, writer):
    """Units are counted claim by claim and once; steps and seconds are of what is due, at first 110 a replicate."""
    claims = [request(FIRST, id="p/a"), request(SECOND, REINIT, id="p/b")]
    plan = Plan(claims, store)
    found = totals(plan)
    assert (found.needed, found.different, found.due) == (2 * 2 + 4 * 2, 8, 8)
    assert (found.shared, found.member_steps) == (pytest.approx(1 / 3), 2 * (30 + 25 + 25 + 30))
    assert found.core_s == pytest.approx(sum(plan.seconds(Program.of(unit.node), 1) for unit in plan.due()))
    assert found.told.startswith("8 different of 12 trainings and evaluations needed: 33% shared between claims; 8 due")
    dense = plan.pack(plan.ready(set()))
    writer.add(dense, fake(dense), {})
    left = totals(Plan(claims, store))
    assert (left.needed, left.different, left.due, left.member_steps) == (12, 8, 6, 2 * 80)
    assert totals(Plan([], store)).shared == 0


def test_a_claim_s_units_include_all_it_is_made_from(store):
    """Parents that no arm names are planned too, before their children, and nothing else is."""
    assert lineage([SECOND]) == [DENSE, FIRST, SECOND]
    plan = Plan([request(SECOND)], store)
    assert [unit.node for unit in plan.units.values()] == [DENSE, DENSE, FIRST, FIRST, SECOND, SECOND]
    assert set(plan.reasons().values()) == {"never computed"}
    assert len(plan.due()) == 6


def test_what_is_stored_is_not_due(store, writer):
    """After all is computed nothing is due, in this plan and in a new one on the store as it lies on disk."""
    requests = [request(SECOND, REINIT, SCORES, evaluate(NET, DIGITS, weights=DENSE.at("end"), mask=SECOND.mask))]
    compute(Plan(requests, store), writer)
    assert Plan(requests, store).due() == []
    assert Plan(requests, Store(store.path)).due() == []
    more = [request(SECOND, replicates=(*REPLICATES, Replicate(11, 2)))]
    assert {unit.replicate.index for unit in Plan(more, store).due()} == {2}


def test_a_snapshot_wanted_later_makes_only_its_parent_due(store, writer):
    """The parent says what it lacks; its other children stay usable, and the new child waits for it."""
    compute(Plan([request(SECOND)], store), writer)
    plan = Plan([request(SECOND, LATE)], store)
    assert nodes_of(plan.due()) == {DENSE, LATE}
    assert plan.reasons()[unit_name(DENSE, REPLICATES[0])] == "its 7 is wanted and was not kept"
    assert plan.reasons()[unit_name(LATE, REPLICATES[0])] == "never computed"
    assert nodes_of(plan.ready(set())) == {DENSE}


def test_a_parent_that_comes_back_equal_keeps_its_children(store, writer):
    """Computed again with the same digests, it gains the snapshot, keeps the old ones, and nothing else is run."""
    compute(Plan([request(SECOND)], store), writer)
    records = {name: entry.record for name, entry in store.entries.items()}
    plan = Plan([request(SECOND, LATE)], store)
    done = compute(plan, writer)
    assert [population.program for population in done] == [Program.of(DENSE), Program.of(LATE)]
    assert done[0].snapshots == (5, 7)
    assert plan.due() == []
    for node in (FIRST, SECOND):
        name = unit_name(node, REPLICATES[0])
        assert store.entries[name].record == records[name]


def test_snapshots_kept_before_are_kept_again(store, writer):
    """A parent computed again for one claim still has what another claim, not selected now, was made from."""
    compute(Plan([request(SECOND)], store), writer)
    compute(Plan([request(LATE)], store), writer)
    assert store.entries[unit_name(DENSE, REPLICATES[0])].outs.keys() == {"5", "7", "end"}
    assert Plan([request(SECOND)], store).due() == []


def test_a_parent_stored_again_with_another_digest_makes_descendants_due(store, writer):
    """Children name the parent and both digests; grandchildren wait for them; the rest of the plan stays usable."""
    plan = Plan([request(SECOND, SCORES)], store)
    compute(plan, writer)
    parent = unit_name(DENSE, REPLICATES[0])
    before = store.entries[parent].outs
    recompute(plan, writer, DENSE, generation=1)
    after = store.entries[parent].outs
    assert before["end"] != after["end"]
    assert nodes_of(plan.due()) == {FIRST, SECOND}
    reason = plan.reasons()[unit_name(FIRST, REPLICATES[0])]
    assert reason.startswith(f"made from {parent} at ")
    assert any(f"with digest {before[s]}; stored there now is {after[s]}" in reason for s in ("5", "end"))
    assert plan.reasons()[unit_name(SECOND, REPLICATES[0])].startswith("made from ")
    assert nodes_of(plan.ready(set())) == {FIRST}
    recompute(plan, writer, DENSE, generation=0)
    assert plan.due() == []


def test_what_comes_of_a_descendant_waits_for_it(store, writer):
    """A grandchild that takes nothing from the changed training itself is due too, after its parent."""
    plan = Plan([request(REINIT)], store)
    compute(plan, writer)
    recompute(plan, writer, DENSE, generation=1)
    assert nodes_of(plan.due()) == {FIRST, REINIT}
    parent = unit_name(FIRST, REPLICATES[0])
    assert plan.reasons()[unit_name(REINIT, REPLICATES[0])] == f"made from {parent}, which must be computed first"


def test_masks_and_starts_follow_the_weights_that_are_stored_now(store, writer):
    """One plan that saw two generations of a training makes its ticket's mask and start from the later one."""
    plan = Plan([request(FIRST)], store)
    compute(plan, writer)
    for generation in (0, 1):
        recompute(plan, writer, DENSE, generation)
        (member,) = plan.pack([plan.units[unit_name(FIRST, REPLICATES[0])]]).members
        end = store.array(store.entries[unit_name(DENSE, REPLICATES[0])], "end", SIZE)
        np.testing.assert_array_equal(member.mask, prune_by_magnitude(NET, end, ones(NET), HALF, Scope.LAYER))
        rewound = store.array(store.entries[unit_name(DENSE, REPLICATES[0])], "5", SIZE)
        np.testing.assert_array_equal(member.start, rewound)


def test_a_learned_mask_follows_what_is_stored_now(store, writer):
    """A mask that a training of scores ended with is read again when that was trained again."""
    plan = Plan([request(train(NET, DIGITS, RECIPE, mask=SCORES.learned_mask()))], store)
    compute(plan, writer)
    (child,) = (unit for unit in plan.units.values() if unit.node != SCORES and unit.replicate == REPLICATES[0])
    for generation in (0, 1):
        recompute(plan, writer, SCORES, generation)
        learned = store.array(store.entries[unit_name(SCORES, REPLICATES[0])], "mask", SIZE)
        np.testing.assert_array_equal(plan.pack([child]).members[0].mask, learned)


def test_starts_that_were_asked_for_longest_ago_go_first(monkeypatch):
    """Starts are kept while there is room, and made again once they have gone; one is kept however large."""
    monkeypatch.setattr(inputs, "STARTS_BYTES", 100)
    made, asked = Made(), []
    for name in "abaca":
        made.start((name,), lambda name=name: (asked.append(name), np.zeros(12, np.float32))[1])
    assert asked == ["a", "b", "c"]
    made.start(("large",), lambda: np.zeros(100, np.float32))
    assert list(made.starts) == [("large",)]


def test_only_the_replicate_that_changed_is_due(store, writer):
    """Lineage is kept replicate by replicate."""
    plan = Plan([request(SECOND)], store)
    compute(plan, writer)
    population = plan.pack([plan.units[unit_name(DENSE, REPLICATES[1])]])
    writer.add(population, fake(population, generation=1), {})
    assert {unit.replicate for unit in plan.due()} == {REPLICATES[1]}


def test_descendants_are_made_from_the_new_generation(store, writer):
    """After a parent changed, all that follow are computed from what is stored now, and are usable again."""
    plan = Plan([request(SECOND, REINIT)], store)
    compute(plan, writer)
    recompute(plan, writer, DENSE, generation=1)
    compute(plan, writer, generation=1)
    assert plan.due() == []
    for node in (FIRST, SECOND, REINIT):
        for replicate in REPLICATES:
            ins = store.entries[unit_name(node, replicate)].ins
            assert len(ins) == len(consumed(node))
            for taken in consumed(node):
                stored = store.entries[unit_name(taken.training, replicate)].outs[taken.slot]
                assert ins[f"{taken.training.key}@{taken.slot}"] == stored


@pytest.mark.parametrize("changed", ["5", "end"])
def test_either_of_two_things_consumed_is_watched(store, writer, changed):
    """A ticket is made from its parent's end and from its snapshot: a change in one alone makes it due."""
    plan = Plan([request(FIRST)], store)
    compute(plan, writer)
    population = plan.pack([plan.units[unit_name(DENSE, REPLICATES[0])]])
    computed = fake(population)
    (result,) = computed.members
    arrays = result.arrays | {changed: np.nextafter(result.arrays[changed], np.float32(9))}
    writer.add(population, replace(computed, members=(replace(result, arrays=arrays),)), {})
    (due,) = plan.due()
    assert due.node == FIRST
    assert f" at {changed} with digest " in plan.reasons()[due.name]


# --- packing -------------------------------------------------------------------------------------------------------


def test_populations_run_one_program_and_parents_come_first(store, writer):
    """Every population has one program and so many members, whose parents are stored; in the end all is."""
    assert MAX_MEMBERS == 32
    replicates = tuple(Replicate(11, i) for i in range(40))
    one_shot = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=QUARTER), start=DENSE.at(5), first_step=5)
    plan = Plan([request(SECOND, REINIT, one_shot, LATE, SCORES, replicates=replicates)], store)
    seen = set()
    while units := plan.next_population(set(), idle=1):
        assert len({Program.of(unit.node) for unit in units}) == 1
        assert len(units) <= max(MAX_MEMBERS, PARAMETERS // units[0].node.network.flat_size)
        for unit in units:
            assert unit.name not in seen
            assert {unit_name(taken.training, unit.replicate) for taken in consumed(unit.node)} <= seen
        population = plan.pack(units)
        writer.add(population, fake(population), {})
        seen |= {unit.name for unit in units}
    assert seen == plan.units.keys()


def test_arms_levels_and_replicates_pack_together(store, writer):
    """Tickets of different arms that run the same program share a population."""
    one_shot = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=QUARTER), start=DENSE.at(5), first_step=5)
    plan = Plan([request(FIRST, one_shot)], store)
    sizes = [len(population.members) for population in compute(plan, writer)]
    assert sizes == [2, 4]


def test_running_units_and_their_children_are_not_ready(store, writer):
    """What is under way is not given out again, nor what is made from it, though an older result is stored."""
    plan = Plan([request(SECOND, SCORES)], store)
    running = {unit_name(DENSE, r) for r in REPLICATES}
    assert nodes_of(plan.ready(running)) == {SCORES}
    compute(plan, writer)
    recompute(plan, writer, DENSE, generation=1)
    assert plan.ready({*running, *(unit_name(FIRST, r) for r in REPLICATES)}) == []


def test_longest_chain_goes_first(store):
    """Of what is ready, that which most steps wait for is run first."""
    longer = train(NET, DIGITS, replace(RECIPE, steps=50))
    plan = Plan([request(longer, SECOND)], store)
    assert [unit.node for unit in plan.ready(set())] == [DENSE, DENSE, longer, longer]
    assert nodes_of(plan.next_population(set(), idle=1)) == {DENSE}


def test_populations_are_shared_among_places_and_end_in_time(store):
    """64 ready members fill two places with 32 or four with 16; a long program packs fewer, tiny networks more."""
    wide = train(mlp(64, 300, 10), DIGITS, RECIPE)
    plan = Plan([request(wide, replicates=tuple(Replicate(11, i) for i in range(64)))], store)
    assert [len(plan.next_population(set(), idle=idle)) for idle in (1, 2, 4, 64)] == [32, 32, 16, 8]
    long = Program.of(train(mlp(64, 300, 100, 10), DIGITS, replace(RECIPE, steps=100_000)))
    assert 1 <= plan.population_size(long, 64, idle=1) < 8
    tiny = Program.of(train(mlp(64, 2, 10), DIGITS, RECIPE))
    assert plan.population_size(tiny, 1000, idle=1) == 200 == 1000 // -(-1000 // (PARAMETERS // (4 * 64 + 64)))
    forever = replace(long, recipe=replace(RECIPE, steps=10**9))
    assert plan.population_size(forever, 64, idle=1) == 1


def test_a_gpu_s_step_is_mostly_launches(store, writer):
    """A guess counts a step's launches; measured, a few members take as long as one, and a limit is not divided."""
    node = train(mlp(784, 300, 100, 10), MNIST, Recipe(optimiser=Adam(1.2e-3), steps=6_000, batch=60))
    program, plan = Program.of(node), Plan([request(node)], store, "cuda")
    assert plan.seconds(program, 5) == pytest.approx(1.6, rel=0.3)  # as an H100 took
    assert plan.seconds(program, 64) < 4 * plan.seconds(program, 5)
    members = tuple(MemberRecord(unit=f"a/0/{i}", ins={}, outs={}, diverged=False) for i in range(4))
    there = Provenance(device="a GPU", versions={}, wall_s=8.0, kind="cuda")
    store.records["000001-00000000"] = Record(
        format=1,
        program=program.label,
        work=program.work,
        steps=1,
        nodes={},
        members=members,
        provenance=there,
        files={},
    )
    assert plan.seconds(program, 4) == 8
    assert 8 < plan.seconds(program, 8) < 9.1
    assert plan.population_size(program, 10, idle=1, left_s=SLACK * 9.1) == 5  # twice, and not one at a time
    assert plan.population_size(program, 10, idle=1, left_s=SLACK * 6) == 0
    assert Plan([request(node)], store).seconds(program, 4) != 8


def test_members_are_what_their_expressions_say(store, writer):
    """Start, mask, scores, order draw and inputs of each packed member follow from its node, bit for bit."""
    replicate = REPLICATES[0]
    random = train(NET, DIGITS, RECIPE, mask=random_mask(NET, keep=HALF, draw=3), streams={"order": 4})
    hidden = train(NET, DIGITS, RECIPE, mask=SCORES.learned_mask(), start=SCORES.at("end"))
    plan = Plan([request(SECOND, REINIT, SCORES, random, hidden, replicates=(replicate,))], store)
    compute(plan, writer)

    def packed(node):
        return plan.pack([plan.units[unit_name(node, replicate)]]).members[0]

    def stored(node, name):
        return store.array(store.entries[unit_name(node, replicate)], name, SIZE)

    first = prune_by_magnitude(NET, stored(DENSE, "end"), ones(NET), HALF, Scope.LAYER)
    second = prune_by_magnitude(NET, stored(FIRST, "end"), first, QUARTER, Scope.LAYER)
    assert not (second & ~first).any()
    np.testing.assert_array_equal(packed(FIRST).mask, first)
    np.testing.assert_array_equal(packed(SECOND).mask, second)
    np.testing.assert_array_equal(packed(SECOND).start, stored(DENSE, "5"))
    np.testing.assert_array_equal(packed(REINIT).start, initial_values(NET, replicate, "reinit", 0))
    np.testing.assert_array_equal(packed(REINIT).mask, second)
    np.testing.assert_array_equal(packed(hidden).mask, stored(SCORES, "mask"))
    np.testing.assert_array_equal(packed(hidden).start, initial_values(NET, replicate, "init", 0))
    assert packed(DENSE).mask is None
    assert packed(SCORES).scores is not None
    assert packed(random).order_draw == 4
    assert packed(random).ins == ()
    assert dict(packed(FIRST).ins) == {
        f"{DENSE.key}@end": digest(stored(DENSE, "end")),
        f"{DENSE.key}@5": digest(stored(DENSE, "5")),
    }


def test_scope_and_draw_reach_the_member(store, writer):
    """A globally pruned mask lets layers compete, and a start drawn anew is the draw that was named."""
    mask = prune(DENSE, keep=QUARTER, scope="global")
    node = train(NET, DIGITS, RECIPE, mask=mask, start=fresh("reinit", draw=2))
    plan = Plan([request(node, replicates=REPLICATES[:1])], store)
    compute(plan, writer)
    (member,) = plan.pack([plan.units[unit_name(node, REPLICATES[0])]]).members
    end = store.array(store.entries[unit_name(DENSE, REPLICATES[0])], "end", SIZE)
    np.testing.assert_array_equal(member.mask, prune_by_magnitude(NET, end, ones(NET), QUARTER, Scope.GLOBAL))
    np.testing.assert_array_equal(member.start, initial_values(NET, REPLICATES[0], "reinit", 2))


def test_a_jolt_reaches_the_member(store):
    """A jolted training starts one unit in the last place away from where the plain one does, and packs without it."""
    plan = Plan([request(DENSE, train(NET, DIGITS, replace(RECIPE, jolt=1)))], store)
    plain, moved = (unit for unit in plan.units.values() if unit.replicate == REPLICATES[0])
    one, other = (plan.pack([unit]).members[0] for unit in (plain, moved))
    np.testing.assert_array_equal(other.start, jolted(1)(one).start)
    assert (other.start != one.start).any()
    assert Program.of(plain.node).packs != Program.of(moved.node).packs


def test_a_shuffled_mask_reaches_the_member(store, writer):
    """The member's mask is the shuffle, of its draw, of the mask made from what is stored."""
    first, learned = shuffle(FIRST.mask, draw=2), shuffle(SCORES.learned_mask())
    nodes = [train(NET, DIGITS, RECIPE, mask=mask) for mask in (first, learned)]
    plan = Plan([request(*nodes, replicates=REPLICATES[:1])], store)
    compute(plan, writer)
    one, other = (plan.pack([plan.units[unit_name(node, REPLICATES[0])]]).members[0] for node in nodes)
    end = store.array(store.entries[unit_name(DENSE, REPLICATES[0])], "end", SIZE)
    mask = prune_by_magnitude(NET, end, ones(NET), HALF, Scope.LAYER)
    np.testing.assert_array_equal(one.mask, shuffled(NET, mask, REPLICATES[0], 2))
    assert dict(one.ins) == {f"{DENSE.key}@end": digest(end)}
    stored = store.array(store.entries[unit_name(SCORES, REPLICATES[0])], "mask", SIZE)
    np.testing.assert_array_equal(other.mask, shuffled(NET, stored, REPLICATES[0], 0))


def test_a_resampled_start_reaches_the_member(store, writer):
    """Values come from the named start, survivors from the mask as it is stored, and both are what it consumed."""
    replicate = REPLICATES[0]
    node = train(NET, DIGITS, RECIPE, mask=SECOND.mask, start=resample(FIRST.mask, DENSE.at(5), draw=2))
    plan = Plan([request(node)], store)
    compute(plan, writer)
    (member,) = plan.pack([plan.units[unit_name(node, replicate)]]).members
    stored = {at: store.array(store.entries[unit_name(DENSE, replicate)], at, SIZE) for at in ("5", "end")}
    survivors = prune_by_magnitude(NET, stored["end"], ones(NET), HALF, Scope.LAYER)
    np.testing.assert_array_equal(member.start, resampled(NET, stored["5"], survivors, replicate, 2))
    assert {f"{DENSE.key}@{at}" for at in stored} < dict(member.ins).keys()
    recompute(plan, writer, DENSE, generation=1)
    assert node in nodes_of(plan.due())


def test_continuing_starts_from_what_was_trained(store, writer):
    """A pruned net trained on without a reset starts from its source's end, which is all that it consumed."""
    node = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=HALF), start=DENSE.at("end"))
    assert consumed(node) == (Snapshot(DENSE, "end"),)
    later = train(NET, DIGITS, RECIPE, mask=prune(node, keep=QUARTER), start=node.at("end"))
    plan = Plan([request(later, replicates=REPLICATES[:1])], store)
    compute(plan, writer)
    for training, source in ((node, DENSE), (later, node)):
        (member,) = plan.pack([plan.units[unit_name(training, REPLICATES[0])]]).members
        end = store.array(store.entries[unit_name(source, REPLICATES[0])], "end", SIZE)
        np.testing.assert_array_equal(member.start, end)
        assert dict(member.ins) == {f"{source.key}@end": digest(end)}
    assert (Program.of(later).first_step, Program.of(later).steps) == (0, 30)


def test_a_ticket_of_one_rule_is_pruned_on_by_it(store, writer):
    """The second round's deviations are those of what the first one left in each layer."""
    first = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=HALF, scope="global", by="std"))
    second = train(NET, DIGITS, RECIPE, mask=prune(first, keep=QUARTER, scope="global", by="std"))
    plan = Plan([request(second, replicates=REPLICATES[:1])], store)
    compute(plan, writer)
    mask = ones(NET)
    for parent, node in ((DENSE, first), (first, second)):
        end = store.array(store.entries[unit_name(parent, REPLICATES[0])], "end", SIZE)
        mask = prune_by_magnitude(NET, end, mask, node.mask.keep, Scope.GLOBAL, rule="std")
        (member,) = plan.pack([plan.units[unit_name(node, REPLICATES[0])]]).members
        np.testing.assert_array_equal(member.mask, mask)
    assert not np.array_equal(mask, prune_by_magnitude(NET, end, ones(NET), QUARTER, Scope.GLOBAL))


def test_layers_that_are_left_out_reach_the_member(store, writer):
    """A mask among some layers leaves the others whole in the member that is trained under it."""
    node = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=QUARTER, scope="global", among=("fc1",)))
    plan = Plan([request(node, replicates=REPLICATES[:1])], store)
    compute(plan, writer)
    (member,) = plan.pack([plan.units[unit_name(node, REPLICATES[0])]]).members
    layers = NET.prunable()
    assert member.mask[layers["output"].slice].all()
    assert member.mask[layers["fc1"].slice].sum() == layers["fc1"].size // 4


def test_a_program_is_what_its_members_have_in_common():
    """Network, task, recipe, first step and what is learned; a late start makes only the steps that are left."""
    assert Program.of(FIRST) == Program(NET, DIGITS, RECIPE, first_step=5)
    assert Program.of(FIRST).steps == 25
    assert Program.of(SCORES) == Program(NET, DIGITS, RECIPE, learn=Scores(HALF))
    assert Program.of(evaluate(NET, DIGITS, mask=FIRST.mask)) == Program(NET, DIGITS)


# --- lineage with the engine -----------------------------------------------------------------------------------------


class Recording(Inline):
    """Computes in the process, and keeps what it was given."""

    def __init__(self):
        self.members = {}

    def submit(self, number, population, checkpoint=None):
        """Compute `population`."""
        self.members |= {member.unit: member for member in population.members}
        return super().submit(number, population)


def execute(store, *requests):
    plan, executor = Plan(requests, store), Recording()
    with store.writing() as writer:
        run_plan(plan, writer, executor, provenance={})
    assert Plan(requests, store).due() == []
    return executor.members


def moved_by_one_ulp(*given):
    values = initial_values(*given)
    return np.nextafter(values, np.where(values == 0, values, np.float32(9)))


def test_a_perturbed_engine_never_serves_old_masks_with_new_snapshots(store, monkeypatch):
    """A dense net trained again one ulp off has its tickets computed again: masks, starts, inputs of one generation."""
    tickets, late = request(SECOND, id="paper/tickets"), request(LATE, id="paper/late")
    execute(store, tickets)
    old = {name: (entry.record, entry.outs) for name, entry in store.entries.items()}
    monkeypatch.setattr(_trainings, "initial_values", moved_by_one_ulp)
    assert execute(store, late).keys() == {unit_name(node, r) for node in (DENSE, LATE) for r in REPLICATES}
    plan = Plan([tickets, late], store)
    assert nodes_of(plan.due()) == {FIRST, SECOND}
    for replicate in REPLICATES:
        dense = unit_name(DENSE, replicate)
        assert store.entries[dense].outs["end"] != old[dense][1]["end"]
        assert f"made from {dense} at " in plan.reasons()[unit_name(FIRST, replicate)]
    members = execute(store, tickets, late)
    for replicate in REPLICATES:
        mask = ones(NET)
        for parent, node in ((DENSE, FIRST), (FIRST, SECOND)):
            entry = store.entries[unit_name(node, replicate)]
            assert entry.record != old[entry.unit][0]
            for taken in consumed(node):
                now = store.entries[unit_name(taken.training, replicate)]
                assert now.record != old[now.unit][0]
                assert entry.ins[f"{taken.training.key}@{taken.slot}"] == now.outs[taken.slot]
            end = store.array(store.entries[unit_name(parent, replicate)], "end", SIZE)
            mask = prune_by_magnitude(NET, end, mask, node.mask.keep, Scope.LAYER)
            np.testing.assert_array_equal(members[entry.unit].mask, mask)
            start = store.array(store.entries[unit_name(DENSE, replicate)], "5", SIZE)
            np.testing.assert_array_equal(members[entry.unit].start, start)


def test_an_engine_that_repeats_itself_computes_nothing_twice(store):
    """With no perturbation the dense net comes back equal, and its tickets stay as they are."""
    execute(store, request(SECOND))
    records = {name: entry.record for name, entry in store.entries.items()}
    assert execute(store, request(SECOND, LATE)).keys() == {unit_name(n, r) for n in (DENSE, LATE) for r in REPLICATES}
    for node in (FIRST, SECOND):
        for replicate in REPLICATES:
            assert store.entries[unit_name(node, replicate)].record == records[unit_name(node, replicate)]
