"""The table as a data set, the task that is made of it, and how its nets are trained."""

from fractions import Fraction

from harness import Adam, Recipe, Scaling, Task, mlp, prune, table_set, train

table_set(
    "rings",
    "rings.csv",  # beside this file
    label="ring",
    train=900,
    digest="5e7806d292fb297fd1a37818d989aca3",  # of what is read: other rows are refused
)
RINGS = Task(
    "rings",
    images=1,  # a row is an example
    classes=3,
    chance=0.36,  # about the share of the largest class
    sesoi_pp=2.0,
    margin_pp=2.0,
    source="rings",
    shape=(1, 1, 12),
    train_images=450,
    validation_images=50,
    test_images=400,  # drawn in each replicate, as the table has no test rows of its own
    scaling=Scaling.COLUMNS,
)
NET = mlp(12, 40, 3)
RECIPE = Recipe(optimiser=Adam(1e-2), steps=300, batch=50)
KEEP = Fraction(1, 6)  # of each layer's weights

DENSE = train(NET, RINGS, RECIPE)
MASK = prune(DENSE, keep=KEEP)
TICKET = train(NET, RINGS, RECIPE, mask=MASK, start=DENSE.at(0))  # sees the batches that the dense net saw
