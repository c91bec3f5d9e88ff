"""What the claims share: the net, the recipe, the dense training, and the ticket that is found in it."""

from fractions import Fraction

from harness import DIGITS, Adam, Recipe, mlp, prune, train

NET = mlp(64, 30, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=200, batch=60)
KEEP = Fraction(1, 20)  # of each layer's weights
ORDER = {"order": 1}  # the draw of batches that all tickets see

DENSE = train(NET, DIGITS, RECIPE)
MASK = prune(DENSE, keep=KEEP)
TICKET = train(NET, DIGITS, RECIPE, mask=MASK, start=DENSE.at(0), streams=ORDER)
