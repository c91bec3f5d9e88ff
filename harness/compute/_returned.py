"""What an executor gave for a population, held to what was asked of it: by name, by data, by counts of masks."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

from harness.compute._due import Unit
from harness.data import SETS, load_set
from harness.errors import DataError, HarnessError, RunError
from harness.expression import Training
from harness.population import Computed, Population


@dataclass
class Asked:
    """A population that an executor was given, and the units that it computes."""

    units: list[Unit]
    population: Population

    @property
    def name(self) -> str:
        """Its program, its size and who wants it, in words."""
        return f"{self.population.program.label}, {len(self.units)} members, for {', '.join(wanted_by(self.units))}"


def result(future: Future[Computed], asked: Asked) -> Computed:
    """Return what an executor computed, its members in the order of `asked`.

    Raises RunError for what failed or is not what was asked, DataError for other data, and StoppedError as it came.
    """
    try:
        computed = _same_data(_in_order(future.result(), asked), asked)
        _check_counts(asked.units, computed)
        return computed
    except HarnessError:
        raise
    except BrokenProcessPool as error:
        raise RunError(f"a worker died while computing {asked.name}: out of memory? Next: fewer --workers") from error
    except Exception as error:  # whatever a population died of is reported with its name, not as a bare traceback
        raise RunError(
            f"{asked.name} failed: {type(error).__name__}: {error}. Next: harness why {asked.units[0].wanted_by[0]}"
        ) from error


def _in_order(computed: object, asked: Asked) -> Computed:
    """Return what an executor gave with its members in the population's order, each with what it measured."""
    units = [member.unit for member in asked.population.members]
    given = {member.unit: member for member in computed.members} if isinstance(computed, Computed) else {}
    if not isinstance(computed, Computed) or len(computed.members) != len(units) or given.keys() != set(units):
        raise RunError(
            f"the executor returned {len(given)} of {len(units)} members for {asked.name}. "
            "Next: correct the executor, or --executor local"
        )
    if silent := [unit for unit in units if not given[unit].rows]:
        raise RunError(f"nothing was measured of {silent[0]}, for {asked.name}. Next: correct the executor")
    return replace(computed, members=tuple(given[unit] for unit in units))


def _same_data(computed: Computed, asked: Asked) -> Computed:
    """Return what a worker computed; raises DataError where it was given other data than this process is."""
    source = asked.population.program.task.source
    if SETS[source].may_change and computed.data not in ("", here := load_set(source).digest):
        raise DataError(
            f"data set {source} gives what has digest {here} here, and {computed.data} in a worker. Next: let "
            f"{SETS[source].origin} give the same each time: draw by a seed of its own, and read the same files"
        )
    return computed


def _check_counts(units: list[Unit], computed: Computed) -> None:
    """Raise RunError where a learned mask is missing, or keeps others than the counts that its training says."""
    nodes = {unit.name: unit.node for unit in units}
    for result in computed.members:
        node, mask = nodes[result.unit], result.arrays.get("mask")
        learns = isinstance(node, Training) and node.learn is not None and node.learn.learns_mask
        if learns != (mask is not None):
            raise RunError(
                f"{node!r} has {'not learned the mask that it is to learn' if learns else 'learned a mask unasked'}. "
                "Next: correct masks() of its stack, or learns_mask of its description"
            )
        if mask is None:
            continue
        counts = {name: int(mask[tensor.slice].sum()) for name, tensor in node.network.prunable().items()}
        for layers in (frozenset(counts), *(frozenset((name,)) for name in counts)):
            told, found = node.kept_in(layers), sum(counts[name] for name in layers)
            if told is not None and told != found:
                where = "all layers" if len(layers) == len(counts) else ", ".join(layers)
                raise RunError(
                    f"{node!r} has learned a mask that keeps {found} weights of {where}, and says that it keeps "
                    f"{told}. Next: correct what it learns, kept_in() of its description or masks() of its stack"
                )


def wanted_by(units: list[Unit]) -> list[str]:
    """Return the names of those who want these units, each once."""
    return sorted({name for unit in units for name in unit.wanted_by})
