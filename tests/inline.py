"""An executor that computes in the process itself, and a small claim to run on it."""

from concurrent.futures import Future
from fractions import Fraction

from harness.compute._plan import Plan
from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._claim import Claim, Design, Scale, Source
from harness.engine._course import compute
from harness.expression import fresh, prune, train
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.stats._kinds import Outcome
from harness.store._store import Store
from harness.streams import Replicate
from harness.workflow._planning import Request

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=30, batch=20, validate_every=10)


class Inline:
    """Computes a population when it is submitted."""

    places = 1

    def submit(self, number, population, checkpoint=None):
        done = Future()
        done.set_result(compute(population))
        return done

    def stop(self):
        pass

    def progress(self):
        return []


def small_design(scale=Scale.MICRO, *, rounds=3, rewind=5):
    """Return a design with a chain of rounds, late resetting and re-draws."""
    dense = train(NET, DIGITS, RECIPE)
    tickets, reinit = [], []
    for k in range(1, rounds + 1):
        mask = prune(tickets[-1] if tickets else dense, keep=Fraction(1, 2) ** k)
        order = {"order": k}
        tickets.append(train(NET, DIGITS, RECIPE, mask=mask, start=dense.at(rewind), first_step=rewind, streams=order))
        reinit += [train(NET, DIGITS, RECIPE, mask=mask, start=fresh("reinit", draw=i), streams=order) for i in (1, 2)]
    return Design(
        arms={"dense": dense, "ticket": tickets, "reinit": reinit},
        parts=(beats("ticket", "reinit", on=DIGITS),),
        contrast=("start", "first_step"),
    )


def small_claim(build=small_design, id="tests/small"):
    """Return a claim with a design of seconds."""
    return Claim(
        id=id,
        statement="A ticket beats its reinitialisation.",
        source=Source(version="none", place="none", published="none"),
        predicted={Scale.MICRO: Outcome.REPRODUCED},
        build=build,
    )


def small_request(*, replicates=3, build=small_design):
    """Return the small claim with its design, on replicates of its own."""
    claim = small_claim(build)
    return Request(claim, claim.design(Scale.MICRO), tuple(Replicate(11, i) for i in range(replicates)))


def small_plan(path, **request):
    """Return the plan of the small claim on a store at `path`."""
    return Plan([small_request(**request).wanted], Store(path))


def everything(path):
    """Return what is stored at `path` for each unit of the small plan, all of which must be: rows and digests."""
    plan = small_plan(path)
    assert not plan.due()
    return {
        name: (plan.store.rows(plan.store.entries[name]), plan.store.entries[name].outs, plan.store.entries[name].ins)
        for name in plan.units
    }
