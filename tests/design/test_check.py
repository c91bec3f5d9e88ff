"""Designs that are refused before anything is run, and those that pass."""

from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction

import pytest

from harness.data._task_variants import fewer, noisy, permuted, subset
from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS, MNIST
from harness.design._assertions import beats, matches, no_gain
from harness.design._check import _check_tasks, check_design
from harness.design._claim import Claim, Design, Scale, Source
from harness.design._parts import percent_kept
from harness.errors import DesignError
from harness.expression import (
    combine,
    disagreement,
    evaluate,
    fresh,
    graft,
    magnitudes,
    prune,
    random_mask,
    train,
)
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.stats._kinds import Outcome

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=30, batch=20)
HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
DENSE = train(NET, DIGITS, RECIPE)
REINIT = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=QUARTER), start=fresh("reinit"))


def claim(design):
    source = Source(version="v1", place="section 1", published="none")
    predicted = {Scale.MICRO: Outcome.REPRODUCED}
    return Claim(id="paper/claim", statement="It does.", source=source, predicted=predicted, build=lambda scale: design)


def test_a_claim_that_cannot_be_built_is_named():
    """The expression that fails knows of no claim; a command looks at many."""

    def build(scale):
        return Design(**{"arms": {"dense": prune(DENSE, keep=Fraction(0))}})

    broken = replace(claim(None), build=build)
    with pytest.raises(DesignError, match=r"paper/claim at scale micro: .*Next"):
        broken.design(Scale.MICRO)


def compared(**changed):
    """A design of a ticket against its reinitialisation at two densities, that passes."""
    masks = [prune(DENSE, keep=HALF), prune(DENSE, keep=QUARTER)]
    tickets = [train(NET, DIGITS, RECIPE, mask=m, start=DENSE.at(5), first_step=5) for m in masks]
    given = {
        "arms": {
            "ticket": tickets,
            "reinit": [replace(ticket, start=fresh("reinit")) for ticket in tickets],
            "dense": DENSE,
            "untrained": evaluate(NET, DIGITS),
        },
        "parts": (beats("ticket", "reinit", on=DIGITS),),
        "contrast": ("start",),
    }
    return Design(**(given | changed))


def arms(**changed):
    return {**compared().arms, **changed}


TICKETS = compared().arms["ticket"]
BELOW = percent_kept("1", "2")
BAD = {
    "equal keys": (compared(arms=arms(reinit=TICKETS)), "'ticket' and 'reinit' are the same training at 50.00% kept"),
    "another rate": (
        compared(arms=arms(reinit=[replace(t, recipe=RECIPE.with_lr(0.1)) for t in TICKETS])),
        r"at 50.00% kept: 'ticket' and 'reinit' differ in recipe.optimiser.lr, .*the contrast \(start\)",
    ),
    "another optimiser": (
        compared(arms=arms(reinit=[replace(t, recipe=replace(RECIPE, optimiser=SGD(0.1))) for t in TICKETS])),
        "differ in recipe.optimiser, ",
    ),
    "another mask": (
        compared(arms=arms(reinit=[replace(t, mask=random_mask(NET, keep=t.mask.keep)) for t in TICKETS])),
        "differ in mask, ",
    ),
    "another order": (
        compared(arms=arms(reinit=[replace(t, streams=(("order", 3),)) for t in TICKETS])),
        "differ in streams.order, ",
    ),
    "another first step": (
        compared(arms=arms(reinit=[replace(t, first_step=0, start=fresh("reinit")) for t in TICKETS])),
        "differ in first_step, ",
    ),
    "nothing to train": (
        compared(arms=arms(reinit=[evaluate(NET, DIGITS, mask=t.mask) for t in TICKETS])),
        "differ in training, ",
    ),
    "other densities": (
        compared(arms=arms(reinit=[replace(TICKETS[0], start=fresh("reinit")), REINIT, DENSE])),
        "'ticket' and 'reinit' are not at the same densities: 50.00%, 25.00% against 100.00%, 50.00%, 25.00%",
    ),
    "empty band": (
        compared(parts=(beats("ticket", "reinit", on=DIGITS, band=BELOW),)),
        "arm 'ticket' has no density in its band; it has 50.00%, 25.00%",
    ),
    "unknown arm": (compared(parts=(beats("tickets", "reinit", on=DIGITS),)), "no arm 'tickets'; did you mean ticket"),
    "unknown reference": (
        compared(parts=(beats("ticket", "re-init", on=DIGITS),)),
        "no arm 're-init'; did you mean reinit",
    ),
    "unknown floor": (
        compared(parts=(matches("ticket", "reinit", on=DIGITS, floors=("linear",)),)),
        "no arm 'linear'",
    ),
    "bad part beside": (
        compared(beside=(beats("ticket", "densest", on=DIGITS, label="ticket beats reinit"),)),
        "no arm 'densest'",
    ),
    "a bound of another task": (
        compared(parts=(beats("ticket", "reinit", on=MNIST),)),
        "arm 'ticket' is measured on digits, and the part's bound is that of mnist",
    ),
}


@pytest.mark.parametrize("arm", ["ticket", "densest"])
def test_a_band_must_hold_one_of_two_arms(arm):
    """An arm at one density is read wherever a ladder is; where neither has a density in the band, nothing is."""
    alone = {"ticket": TICKETS[0], "densest": DENSE, "dense": train(NET, DIGITS, RECIPE, streams={"order": 1})}
    contrast = ("mask", "start", "first_step", "streams")
    part = beats(arm, "dense", on=DIGITS, band=percent_kept("1", "2"))
    with pytest.raises(
        DesignError, match=rf"neither '{arm}' .* nor 'dense' .100.00%. has a density in its band. Next: "
    ):
        check_design(claim(Design(arms=alone, parts=(part,), contrast=contrast)), Scale.MICRO)
    ladder = {"ticket": TICKETS, "densest": DENSE}
    part = beats("densest", "ticket", on=DIGITS, band=percent_kept("40", "60"))
    check_design(claim(Design(arms=ladder, parts=(part,), contrast=contrast)), Scale.MICRO)


def evaluated(**changed):
    """What a retrained net answers, its training as in the arms or changed."""
    training = replace(TICKETS[0], **changed)
    return evaluate(NET, DIGITS, weights=training.at("end"), mask=training.mask, split="train")


def test_trained_weights_are_compared_by_their_trainings():
    """Two evaluations may differ in what the contrast has, in the trainings too; ``weights`` there allows all of it."""
    other_rate = evaluated(start=fresh("reinit"), recipe=RECIPE.with_lr(0.1))
    part = beats("a", "b", on=DIGITS, metric="train_accuracy")
    for b, contrast, refused in (
        (evaluated(start=fresh("reinit")), ("start",), ""),
        (other_rate, ("start",), r"differ in recipe.optimiser.lr, which is not in the contrast \(start\)"),
        (other_rate, ("weights",), ""),
    ):
        design = Design(arms={"a": evaluated(), "b": b}, parts=(part,), contrast=contrast)
        with pytest.raises(DesignError, match=refused) if refused else nullcontext():
            check_design(claim(design), Scale.MICRO)


FEW = replace(DIGITS, name="few", train_images=100)
ON_FEW = train(NET, FEW, RECIPE)


def measured(arm):
    """An arm against a dense net trained as it is, with anything allowed to differ."""
    dense = train(arm.network, arm.task, RECIPE, streams={"order": 9})
    part = beats("arm", "dense", on=arm.task)
    return Design(arms={"arm": arm, "dense": dense}, parts=(part,), contrast=("mask", "start", "first_step", "streams"))


@pytest.mark.parametrize(
    "arm",
    [
        train(NET, FEW, RECIPE, start=DENSE.at("end")),
        train(NET, FEW, RECIPE, mask=prune(DENSE, keep=HALF)),
        train(NET, FEW, RECIPE, mask=prune(train(NET, FEW, RECIPE, start=DENSE.at(5)), keep=HALF)),
        evaluate(NET, FEW, weights=DENSE.at("end")),
    ],
    ids=["start", "mask", "a round before", "evaluated"],
)
def test_test_images_that_were_trained_on_are_refused(arm):
    """Whatever an arm comes from was not shown what it is tested on; of another split of the digits, it was."""
    with pytest.raises(
        DesignError, match=r"'arm' is measured on few, of whose 500 test images 500 were shown .* digits"
    ):
        check_design(claim(measured(arm)), Scale.MICRO)


def test_the_same_split_may_be_trained_on_again():
    """Tasks that differ in what is not the split share what is held back, pairs of the same images included."""
    for task in (FEW, DIGIT_DIFFERENCE):
        check_design(claim(measured(train(mlp(task.inputs, 12, 10), task, RECIPE))), Scale.MICRO)
    looser = replace(DIGITS, margin_pp=1.0)
    check_design(claim(measured(train(NET, looser, RECIPE, start=DENSE.at("end")))), Scale.MICRO)


BY_ROWS = replace(DIGITS, scaling="columns")
FEW_ROWS = fewer(BY_ROWS, 100)
TAUGHT = replace(RECIPE, distil=0.5)


def of_few_rows(**changed):
    """A training on inputs that a hundred rows scale."""
    return train(NET, FEW_ROWS, RECIPE, **changed)


@pytest.mark.parametrize(
    ("arm", "whose"),
    [
        (evaluate(NET, BY_ROWS, weights=of_few_rows()), "the weights"),
        (evaluate(NET, BY_ROWS, weights=combine("signs of the first", of_few_rows(), of_few_rows())), "the weights"),
        (evaluate(NET, BY_ROWS, weights=DENSE), "the weights"),
        (evaluate(NET, DIGITS, weights=train(NET, replace(DIGITS, scaling="range"), RECIPE)), "the weights"),
        (train(NET, BY_ROWS, TAUGHT, teacher=of_few_rows()), "the teacher's weights"),
        (evaluate(NET, BY_ROWS, weights=train(NET, BY_ROWS, TAUGHT, teacher=of_few_rows())), "the teacher's weights"),
        (disagreement(train(NET, BY_ROWS, RECIPE), graft(train(NET, BY_ROWS, RECIPE), of_few_rows(), layers=("fc1",))),
         "the weights of the second net"),
    ],
    ids=["evaluated", "combined", "of unscaled", "unscaled", "teacher", "a teacher before", "second net"],
)  # fmt: skip
def test_weights_are_shown_what_is_scaled_as_they_learned(arm, whose):
    """Inputs are scaled by the rows that a task trains on, and mean something else to other weights."""
    with pytest.raises(
        DesignError, match=rf"{whose} of arm 'arm' learned on .* and are shown .*scaled by other training rows.* Next: "
    ):
        check_design(claim(measured(arm)), Scale.MICRO)


@pytest.mark.parametrize(
    "arm",
    [
        evaluate(NET, FEW_ROWS, weights=of_few_rows()),
        evaluate(NET, BY_ROWS, weights=train(NET, noisy(BY_ROWS, QUARTER), RECIPE)),
        evaluate(NET, noisy(permuted(BY_ROWS), QUARTER), weights=train(NET, BY_ROWS, RECIPE)),
        evaluate(NET, DIGITS, weights=train(NET, fewer(DIGITS, 100), RECIPE)),
        evaluate(NET, BY_ROWS, mask=prune(of_few_rows(), keep=HALF)),
        train(NET, BY_ROWS, RECIPE, start=of_few_rows()),
        magnitudes(NET, BY_ROWS, weights=of_few_rows()),
    ],
    ids=["its own", "noise", "permuted", "unscaled", "a mask", "trained on", "no answers"],
)
def test_what_is_scaled_alike_or_trained_on_may_be_shown(arm):
    """Labels and places change no scale; a mask is shown nothing, and a start learns what it is shown."""
    _check_tasks("paper/claim", measured(arm))


def test_a_variant_may_be_read_beside_its_task_where_tasks_are_compared():
    """On the same images under the same bounds, if the contrast says so; other images or bounds are never beside."""
    nets = {name: train(NET, task, RECIPE) for name, task in (("plain", DIGITS), ("moved", permuted(DIGITS)))}
    part = beats("moved", "plain", on=DIGITS)
    check_design(claim(Design(arms=nets, parts=(part,), contrast=("task",))), Scale.MICRO)
    refused = r"'moved' is measured on digits, .*, and the part's bound is that of digits"
    with pytest.raises(DesignError, match=refused):
        check_design(claim(Design(arms=nets, parts=(part,), contrast=("task.name", "task.permuted"))), Scale.MICRO)
    some = subset(DIGITS, range(9), train=800, validation=200, test=400)
    for other in (replace(permuted(DIGITS), sesoi_pp=1.0), some):
        arms = nets | {"moved": train(mlp(64, 12, other.classes), other, RECIPE)}
        with pytest.raises(DesignError, match=refused):
            check_design(claim(Design(arms=arms, parts=(part,), contrast=("task", "network"))), Scale.MICRO)


def test_what_is_averaged_is_one_thing_drawn_again():
    """Draws of one training may share a density of an arm; trainings that differ in anything else are arms."""
    redrawn = [train(NET, DIGITS, RECIPE, start=fresh("init", draw), streams={"order": draw}) for draw in range(3)]
    masks = [prune(each, keep=HALF) for each in redrawn]
    tickets = [
        train(NET, DIGITS, RECIPE, mask=mask, start=each.at(0)) for mask, each in zip(masks, redrawn, strict=True)
    ]
    part = beats("ticket", "dense", on=DIGITS)
    contrast = ("mask", "start", "streams")
    check_design(
        claim(Design(arms={"dense": redrawn, "ticket": tickets}, parts=(part,), contrast=contrast)), Scale.MICRO
    )
    for other, field in (
        (train(NET, DIGITS, RECIPE.with_lr(0.1)), "recipe.optimiser.lr"),
        (train(mlp(64, 50, 10), DIGITS, RECIPE), "network.layers"),
    ):
        mixed = Design(arms={"dense": [*redrawn, other], "ticket": tickets}, parts=(part,), contrast=contrast)
        with pytest.raises(
            DesignError, match=rf"'dense' has 4 trainings at 100.00% kept.* differ in {field}\. Next: make"
        ):
            check_design(claim(mixed), Scale.MICRO)


@pytest.mark.parametrize("wrong", [{"classes": 5}, {"shape": (1, 7, 7)}])
def test_a_task_that_its_data_does_not_fit_is_refused(wrong):
    """Answers that are no class, and images of another size, are told before a worker meets them."""
    task = replace(DIGITS, **wrong)
    with pytest.raises(DesignError, match=r"its data set digits 64 pixels an image and 10 classes\. Next: "):
        check_design(claim(measured(train(mlp(task.inputs, 12, task.classes), task, RECIPE))), Scale.MICRO)


@pytest.mark.parametrize("what", BAD)
def test_arms_that_cannot_be_compared_are_refused(what):
    """A DesignError before anything is run: the claim, the part, what is wrong, and what to do next."""
    design, message = BAD[what]
    with pytest.raises(DesignError, match=message) as refused:
        check_design(claim(design), Scale.MICRO)
    assert str(refused.value).startswith("paper/claim, part 'ticket")
    assert "Next: " in str(refused.value)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (compared(replicates=4), "paper/claim: 4 replicates cannot decide anything, at least 5 are needed. Next: "),
        (compared(parts=()), "paper/claim: a design without parts asserts nothing. Next: "),
        (
            compared(beside=(beats("ticket", "reinit", on=DIGITS, label="x"),) * 2),
            "paper/claim: two parts are called 'x'. Next: give one of them a label=",
        ),
        (
            compared(parts=(matches("ticket", "reinit", on=DIGITS, floors=()),)),
            "its floors show that it could fail, and there is none. Next: floors= of",
        ),
        (
            compared(beside=(no_gain("ticket", "reinit", on=DIGITS, near=("reinit",)),)),
            "its floors show that it could fail, and 'reinit' is one of the two arms that it compares",
        ),
        (
            compared(parts=(beats("ticket", "reinit", on=DIGITS, metric="nats"),)),
            "nats is of texts, by the cross-entropy of their tokens, and arm 'ticket' is no such. Next: metric=",
        ),
    ],
)
def test_designs_that_decide_nothing_are_refused(design, message):
    """Too few replicates, no parts, or two of one name: a DesignError that names the claim and what to do."""
    with pytest.raises(DesignError, match=message):
        check_design(claim(design), Scale.MICRO)


def test_declared_differences_pass():
    """What the contrast names, or the field above it, may differ; a part's label takes the place of its name."""
    check_design(claim(compared()), Scale.MICRO)
    check_design(claim(compared(replicates=5)), Scale.MICRO)
    other = arms(reinit=[replace(t, recipe=RECIPE.with_lr(0.1)) for t in TICKETS])
    for contrast in ("recipe.optimiser.lr", "recipe.optimiser", "recipe"):
        check_design(claim(compared(arms=other, contrast=(contrast,))), Scale.MICRO)
    with pytest.raises(DesignError, match="part 'tickets hold'"):
        check_design(
            claim(compared(arms=other, parts=(beats("ticket", "reinit", on=DIGITS, label="tickets hold"),))),
            Scale.MICRO,
        )
    dense = arms(reinit=DENSE)  # a reference of one point is read at every density
    check_design(claim(compared(arms=dense, contrast=("mask", "start", "first_step"))), Scale.MICRO)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("recipe.optimizer", r"'recipe\.optimizer', which is no field of an arm; did you mean .*recipe\.optimiser"),
        ("dense", "'dense', which is no field of an arm"),
    ],
)
def test_a_contrast_that_is_nothing_is_refused(named, message):
    """It would declare nothing: a mistyped field, or an arm's name."""
    with pytest.raises(DesignError, match=f"^paper/claim: contrast= names {message}"):
        check_design(claim(compared(contrast=("start", named))), Scale.MICRO)


@pytest.mark.parametrize("named", ["streams.order", "recipe.optimiser.lr", "training", "network", "learn"])
def test_a_contrast_may_name_what_these_arms_share(named):
    """One contrast may serve several designs."""
    check_design(claim(compared(contrast=("start", named))), Scale.MICRO)
