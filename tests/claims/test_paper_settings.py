"""Scale `paper` is the papers' settings, written here once more as numbers: none is read back from a study.py."""

import math
from fractions import Fraction
from functools import cache

import pytest

from harness.data._splits import pools
from harness.data._tasks import Augment, Scaling
from harness.design._check import check_design
from harness.design._claim import Scale
from harness.expression import Fresh, Scope, Snapshot, Training, density, lineage
from harness.networks._counts import kept_counts
from harness.networks._network import Init
from harness.networks._recipe import SGD, Adam, Constant
from harness.stats._kinds import BEATS, MATCHES
from harness.streams import Replicate
from tests.project import catalogue

CLAIMS = catalogue().claims

LENET = ("frankle2019/any-input-scaling", "frankle2019/iterative-beats-one-shot", "frankle2019/random-reinit-hurts")
RESNET = "frankle2019b/late-resetting-stabilises"
CONV = "ramanujan2020/edge-popup-matches-trained"
CONV_WEIGHTS = {2: 4_300_992, 4: 2_425_024, 6: 2_261_184, 8: 5_275_840}


def design(id):
    return CLAIMS[id].design(Scale.PAPER)


def trainings(id):
    """Return every training that a claim needs at scale paper, those that nothing is read from included."""
    nodes = [node for points in design(id).points.values() for each in points.values() for node in each]
    return [node for node in lineage(nodes) if isinstance(node, Training)]


def percent(id, arm):
    """Return an arm's densities in percent of all prunable weights, rounded as the papers print them."""
    return [round(float(kept) * 100, 1) for kept in design(id).points[arm]]


def read(id, part):
    """Return the densities in percent at which a part reads its arm."""
    return [round(float(kept) * 100, 1) for kept in design(id).read(part.arm, part)]


@cache
def split(task):
    return {name: len(images) for name, images in pools(Replicate(3, 0), task).items()}


def is_linear(node):
    return len(node.network.prunable()) == 1


def one(points):
    """Return the only training at each density, densest first."""
    return [node for (node,) in points.values()]


def test_these_are_all_claims_with_the_papers_settings():
    """A claim that gets a design at scale paper is to be written down here too."""
    encoded = {id for id, claim in CLAIMS.items() if Scale.PAPER in claim.predicted}
    assert {id for id in encoded if not id.startswith("example")} == {*LENET, RESNET, CONV}


@pytest.mark.parametrize("id", [*LENET, RESNET, CONV])
def test_the_designs_can_decide(id):
    """Bands hold the exact densities they are meant for, compared arms are alike, and replicates are enough."""
    check_design(CLAIMS[id], Scale.PAPER)
    check_design(CLAIMS[id], Scale.STANDARD)


# --- LeNet-300-100 on MNIST (Frankle & Carbin 2019, Figure 2) ------------------------------------------------------


@pytest.mark.parametrize("id", LENET)
def test_lenet_is_trained_as_in_the_paper(id):
    """Adam at 1.2e-3, 50,000 steps of 60 images, validation every 100, 55,000 images and 5,000 to validate on."""
    for node in trainings(id):
        recipe = node.recipe
        assert recipe.optimiser == Adam(0.0012)
        assert isinstance(recipe.schedule, Constant)
        assert {recipe.learning_rate(step) for step in (0, 20_000, 49_999)} == {0.0012}
        assert (recipe.steps, recipe.batch, recipe.validate_every) == (50_000, 60, 100)
        assert (node.first_step, node.task.name, node.task.augment) == (0, "mnist", Augment.NONE)
        assert split(node.task) == {"train": 55_000, "validation": 5_000, "test": 10_000}


@pytest.mark.parametrize("id", LENET)
def test_lenet_is_the_papers_network(id):
    """784-300-100-10 from Glorot normal, with biases that are never pruned: 266,200 weights."""
    for node in trainings(id):
        if not is_linear(node):
            layers = {name: tensor.shape for name, tensor in node.network.prunable().items()}
            assert layers == {"fc1": (784, 300), "fc2": (300, 100), "output": (100, 10)}
            assert (node.network.weights, node.network.parameters) == (266_200, 266_610)
            assert node.network.init is Init.GLOROT_NORMAL


@pytest.mark.parametrize(("id", "arm"), [(LENET[1], "iterative"), (LENET[1], "one-shot"), (LENET[2], "ticket")])
def test_the_ladder_of_lenet_is_the_papers(id, arm):
    """Twenty rounds of 20 % of the hidden layers and 10 % of the output layer; the paper prints these densities."""
    ladder = percent(id, arm)
    assert len(ladder) == 20
    printed = {3: 51.3, 7: 21.1, 9: 13.5, 12: 7.0, 15: 3.6, 18: 1.9, 20: 1.2}
    assert {k: ladder[k - 1] for k in printed} == printed
    for k, node in enumerate(one(design(id).points[arm]), start=1):
        exact = [round(235_200 * 0.8**k), round(30_000 * 0.8**k), round(1_000 * 0.9**k)]
        assert list(kept_counts(node.network, dict(node.mask.keep)).values()) == exact


def test_tickets_go_back_to_the_initial_weights():
    """A ticket's mask comes from the round before, one-shot's from the dense net; both start from the first weights."""
    points = design(LENET[1]).points
    (dense,) = one(points["dense"])
    before = dense
    for ticket, shot in zip(one(points["iterative"]), one(points["one-shot"]), strict=True):
        assert (ticket.mask.source, shot.mask.source) == (Snapshot(before, "end"), Snapshot(dense, "end"))
        assert (ticket.mask.scope, shot.mask.scope) == (Scope.LAYER, Scope.LAYER)
        assert ticket.start == shot.start == Fresh("init", 0)
        before = ticket


def test_each_ticket_is_reinitialised_three_times():
    """Three other draws of the initial weights under each ticket's own mask, none of them used twice."""
    points = design(LENET[2]).points
    redraws = [node for nodes in points["random reinit"].values() for node in nodes]
    assert [len(nodes) for nodes in points["random reinit"].values()] == [3] * 20
    assert all(node.start.stream == "reinit" for node in redraws)
    assert len({node.start.draw for node in redraws}) == 60
    for kept, (ticket,) in points["ticket"].items():
        assert {node.mask for node in points["random reinit"][kept]} == {ticket.mask}


def test_lenet_parts_are_read_where_they_are_meant_to_be():
    """One-shot is compared from 4.5 % down to the last round, reinitialisations from 21.1 to 3.6 %."""
    (one_shot,), (reinit,) = design(LENET[1]).parts, design(LENET[2]).parts
    assert read(LENET[1], one_shot) == [4.5, 3.6, 2.9, 2.3, 1.9, 1.5, 1.2]
    assert read(LENET[2], reinit) == [21.1, 16.9, 13.5, 10.8, 8.7, 7.0, 5.6, 4.5, 3.6]
    assert read(LENET[2], design(LENET[2]).beside[0]) == [21.1]


def test_scalings_are_compared_at_three_levels():
    """Tickets at 21.1, 13.5 and 7.0 % kept under each scaling, the sparsest also reinitialised three times."""
    for scaling in (Scaling.UNIT, Scaling.STANDARDISED, Scaling.L2):
        assert percent(LENET[0], f"tickets, {scaling}") == [21.1, 13.5, 7.0]
        assert [len(nodes) for nodes in design(LENET[0]).points[f"reinit, {scaling}"].values()] == [3]
        assert percent(LENET[0], f"reinit, {scaling}") == [7.0]
        for arm in ("dense", "tickets", "reinit", "linear"):
            nodes = [node for each in design(LENET[0]).points[f"{arm}, {scaling}"].values() for node in each]
            assert {node.task.scaling for node in nodes} == {scaling}


# --- ResNet-20 on CIFAR-10 (Frankle & Carbin 2019, Figure 2; Frankle et al. 2019) ----------------------------------


def test_resnet_is_trained_as_in_the_paper():
    """SGD, a tenth at steps 20,000 and 25,000 of 30,000, batches of 128, validation every 100, cropped and mirrored."""
    nodes = trainings(RESNET)
    assert {node.recipe.optimiser for node in nodes} == {
        SGD(0.1, momentum=0.9, weight_decay=1e-4),
        SGD(0.01, momentum=0.9, weight_decay=1e-4),
    }
    for node in nodes:
        recipe, lr = node.recipe, node.recipe.optimiser.lr
        assert (recipe.steps, recipe.batch, recipe.validate_every) == (30_000, 128, 100)
        rates = {step: recipe.learning_rate(step) for step in (0, 19_999, 20_000, 24_999, 25_000, 29_999)}
        assert rates == pytest.approx(
            {0: lr, 19_999: lr, 20_000: lr / 10, 24_999: lr / 10, 25_000: lr / 100, 29_999: lr / 100}
        )
        assert (node.task.name, node.task.augment) == ("cifar-10", Augment.CROP_FLIP)
        assert node.task.scaling is Scaling.STANDARDISED
        assert split(node.task) == {"train": 45_000, "validation": 5_000, "test": 10_000}
        assert (node.network.weights, node.network.parameters) == (270_896, 272_474)
        assert node.network.init is Init.GLOROT_NORMAL


@pytest.mark.parametrize("suffix", ["", ", lr .01"])
def test_the_ladder_of_resnet_is_the_papers(suffix):
    """A fifth of 267,696 weights a round, all layers competing; 2,560 in shortcuts and 640 in the output stay."""
    for arm in (f"late{suffix}", f"reset to 0{suffix}"):
        exact = [Fraction(round(267_696 * 0.8**k) + 3_200, 270_896) for k in range(1, 7 if suffix else 11)]
        nodes = one(design(RESNET).points[arm])
        assert [density(node) for node in nodes] == exact
        assert {node.mask.scope for node in nodes} == {Scope.GLOBAL}
        assert {len(node.mask.among) for node in nodes} == {19}
        assert percent(RESNET, arm)[5] == 27.1  # the paper's row
    assert percent(RESNET, "late")[-1] == 11.8  # its last one with tickets


def test_late_resetting_goes_back_to_step_500():
    """Late tickets start from the dense net after 500 updates and train the other 29,500; each has its own ladder."""
    points = design(RESNET).points
    for suffix in ("", ", lr .01"):
        (dense,) = one(points[f"dense{suffix}"])
        arms = {"late": (Snapshot(dense, 500), 500), "reset to 0": (Fresh("init", 0), 0)}
        for arm, (start, first_step) in arms.items():
            before = dense
            for node in one(points[f"{arm}{suffix}"]):
                assert (node.start, node.first_step) == (start, first_step)
                assert node.mask.source == Snapshot(before, "end")
                before = node
        (random,) = one(points[f"random mask, late{suffix}"])
        assert (random.start, random.first_step) == (Snapshot(dense, 500), 500)
        assert percent(RESNET, f"random mask, late{suffix}") == [27.1]


def test_resnet_parts_are_read_at_the_papers_rows():
    """The deciding parts at 27.1 % kept, beside them the last round; the floors are random masks."""
    each = design(RESNET)
    assert [read(RESNET, part) for part in each.parts] == [[27.1]] * 3
    assert [read(RESNET, part) for part in each.beside] == [[11.8]]
    assert [part.floors for part in each.parts] == [(), ("random mask, late",), ("random mask, late, lr .01",)]
    assert [part.kind for part in each.parts] == [BEATS, MATCHES, MATCHES]
    assert [part.null_setting for part in each.parts] == [False, False, True]


# --- Conv-2 to Conv-8 on CIFAR-10 (Ramanujan et al. 2020, sections 3 and 4) ----------------------------------------


def test_conv_nets_are_trained_as_in_the_paper():
    """100 epochs of batches of 128, momentum .9, weight decay 1e-4, cosine; .1 for scores and .01 for weights."""
    for node in trainings(CONV):
        recipe, lr = node.recipe, 0.1 if node.learn else 0.01
        assert recipe.optimiser == SGD(lr, momentum=0.9, weight_decay=1e-4)
        assert recipe.batch == 128
        assert recipe.steps == 100 * 351 == 100 * (45_000 // 128)
        rates = [recipe.learning_rate(step) for step in (0, 17_550, 26_325, 35_100)]
        assert rates == pytest.approx([lr, lr / 2, lr * (1 - math.sqrt(0.5)) / 2, 0])
        assert (node.task.name, node.task.augment) == ("cifar-10", Augment.CROP_FLIP)
        assert node.task.scaling is Scaling.STANDARDISED
        assert split(node.task) == {"train": 45_000, "validation": 5_000, "test": 10_000}


@pytest.mark.parametrize("depth", CONV_WEIGHTS)
def test_conv_nets_are_the_papers_networks(depth):
    """No biases; scores keep half of every layer of signed constants, dense nets start from Kaiming normal."""
    points = design(CONV).points
    (edge_popup,) = one(points[f"edge-popup, Conv-{depth}"])
    (trained,) = one(points[f"trained, Conv-{depth}"])
    (untrained,) = one(points[f"untrained, Conv-{depth}"])
    (random_mask,) = one(points[f"random mask, Conv-{depth}"])
    for node in (edge_popup, trained, untrained, random_mask):
        assert node.network.weights == node.network.parameters == CONV_WEIGHTS[depth]
    assert edge_popup.learn.keep == random_mask.mask.keep == Fraction(1, 2)
    assert density(edge_popup) == density(random_mask) == Fraction(1, 2)
    for node in (edge_popup, untrained, random_mask):
        assert node.network.init is Init.SIGNED_KAIMING_CONSTANT
    assert trained.network.init is Init.KAIMING_NORMAL
    (linear,) = one(points[f"linear, Conv-{depth}"])
    assert linear.network.weights == 30_720


def test_conv_8_decides():
    """The deepest net is held to the trained one, with three floors; shallower ones are shown beside it."""
    each = design(CONV)
    assert [(part.kind, part.arm, part.reference) for part in each.parts] == [
        (MATCHES, "edge-popup, Conv-8", "trained, Conv-8")
    ]
    assert each.parts[0].floors == ("untrained, Conv-8", "random mask, Conv-8", "linear, Conv-8")
    assert [part.arm for part in each.beside] == [f"edge-popup, Conv-{depth}" for depth in (6, 4, 2)]


def test_pilots_compare_the_papers_dense_baselines():
    """Each dense net by SGD at .01, and by Adam at 3e-4 with batch 60 for as many epochs."""
    arms = CLAIMS[CONV].pilot(Scale.PAPER)
    for depth in CONV_WEIGHTS:
        sgd, adam = arms[f"Conv-{depth}: trained"], arms[f"Conv-{depth}: trained, Adam"]
        assert sgd.key == one(design(CONV).points[f"trained, Conv-{depth}"])[0].key
        assert (adam.recipe.optimiser, adam.recipe.batch) == (Adam(3e-4), 60)
        assert adam.recipe.steps == 100 * 45_000 // 60
        assert (adam.network, adam.task) == (sgd.network, sgd.task)
