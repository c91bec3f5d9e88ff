"""What the claims on language share: an LSTM that reads text, its tickets and their controls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from harness import (
    SHAKESPEARE,
    WIKITEXT2,
    Adam,
    Embedding,
    Linear,
    Network,
    Recipe,
    Scale,
    Start,
    Task,
    Training,
    fresh,
    lstm_net,
    prune,
    shuffle,
    text_transformer,
    train,
)

from ..study import mask_of

DEVIATIONS = {
    "micro": (
        "200,000 characters of Tiny Shakespeare and an LSTM of 96 instead of WikiText-2 and two of 650.",
        "Windows of 32 characters with a state of zero before each; the paper carries it on.",
        "40 % removed a round, six rounds, instead of 20 % and twenty.",
        "Biases are not pruned.",
    ),
    "standard": (
        "Windows of 50 words with a state of zero before each; the paper carries it on.",
        "Half removed a round, five rounds, instead of 20 % and twenty.",
        "Biases are not pruned; words of the validation file are not read.",
    ),
}
NEW, BOTH, ACROSS = "new weights", "shuffled mask and new weights", "mask across layers and new weights"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What reads which text, what of its weights each round keeps, and at which step it is rewound."""

    task: Task
    net: Network
    recipe: Recipe
    kept: tuple[Fraction, ...]
    rewound_to: int
    controls: tuple[int, ...]  # rounds whose tickets have controls

    def dense(self) -> Training:
        """Return the net with all its weights."""
        return _dense(self)

    def tickets(self, *, step: int | None = None) -> list[Training]:
        """Return the tickets of all rounds, all layers competing, rewound to `step` or as usual."""
        return list(_tickets(self, self.rewound_to if step is None else step))

    def one_shot(self) -> list[Training]:
        """Return tickets pruned once, at the densities that have controls."""
        return [self._rewound(self.dense(), keep, self.rewound_to, 10 + k) for k, keep in self._controlled()]

    def control(self, name: str) -> list[Training]:
        """Return a control of each ticket that has one, trained from step 0 on in the ticket's order of data."""
        tickets = self.tickets()
        return [self._control(name, tickets[k - 1], 20 + k) for k in self.controls]

    def bigrams(self) -> Training:
        """Return the floor: a table of which token follows which."""
        tokens = self.task.classes
        table = Embedding("embedding", tokens, min(tokens, 64), self.task.inputs)
        return train(Network((table, Linear("output", table.features, tokens))), self.task, self.recipe)

    def _controlled(self) -> Iterable[tuple[int, Fraction]]:
        return ((k, self.kept[k - 1]) for k in self.controls)

    def _rewound(self, source: Training, keep: Fraction, step: int, order: int) -> Training:
        mask, start = prune(source, keep=keep, scope="global"), self.dense().at(step)
        return train(
            self.net, self.task, self.recipe, mask=mask, start=start, first_step=step, streams={"order": order}
        )

    def _control(self, name: str, ticket: Training, order: int) -> Training:
        mask = mask_of(ticket)
        if name != NEW:
            mask = shuffle(mask, within="global" if name == ACROSS else "layer")
        start: Start = fresh("reinit")
        return train(self.net, self.task, self.recipe, mask=mask, start=start, streams={"order": order})


@cache
def _dense(setting: Setting) -> Training:
    return train(setting.net, setting.task, setting.recipe)


@cache
def _tickets(setting: Setting, step: int) -> tuple[Training, ...]:
    ladder = [_dense(setting)]
    for k, keep in enumerate(setting.kept, start=1):
        ladder.append(setting._rewound(ladder[-1], keep, step, k))
    return tuple(ladder[1:])


def _kept(share: Fraction, rounds: int) -> tuple[Fraction, ...]:
    return tuple(share**k for k in range(1, rounds + 1))


SETTINGS = {
    Scale.MICRO: Setting(
        task=SHAKESPEARE,
        net=lstm_net(SHAKESPEARE.classes, places=SHAKESPEARE.inputs),
        recipe=Recipe(optimiser=Adam(4e-3), steps=1000, batch=32, validate_every=250),
        kept=_kept(Fraction(3, 5), 6),
        rewound_to=100,
        controls=(2, 4, 6),
    ),
    Scale.STANDARD: Setting(
        task=WIKITEXT2,
        net=lstm_net(WIKITEXT2.classes, places=WIKITEXT2.inputs, features=650, hidden=650, layers=2, dropout=0.5),
        recipe=Recipe(optimiser=Adam(1e-3), steps=13_250, batch=30, validate_every=1325),  # ten epochs
        kept=_kept(Fraction(1, 2), 5),
        rewound_to=1325,
        controls=(2, 3, 4),
    ),
}
ATTENTION = Setting(
    task=SHAKESPEARE,
    net=text_transformer(SHAKESPEARE.classes, places=SHAKESPEARE.inputs),
    recipe=Recipe(optimiser=Adam(2e-3), steps=1000, batch=32, validate_every=250),
    kept=_kept(Fraction(3, 5), 6),
    rewound_to=100,
    controls=(2, 4, 6),
)
