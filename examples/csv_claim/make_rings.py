"""Write csv_claim/rings2026/rings.csv: 900 points, and whether they lie near, halfway or far from the centre.

Only the columns x and y say so; the ten others are as random and say nothing. Python's own generator gives the same
table everywhere.
"""

import csv
import math
from pathlib import Path
from random import Random

TABLE = Path(__file__).parent / "csv_claim" / "rings2026" / "rings.csv"
ROWS, NOISE = 900, 10
NEAR, HALFWAY = math.sqrt(4 / 3 / math.pi), math.sqrt(8 / 3 / math.pi)  # circles with a third and two of the square


def write(table: Path = TABLE, seed: int = 2026) -> None:
    """Write the table: two coordinates, ten columns of noise, all from -1 to 1, and the ring."""
    random = Random(seed)
    with table.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["x", "y", *(f"noise{i}" for i in range(1, NOISE + 1)), "ring"])
        for _ in range(ROWS):
            numbers = [2 * random.random() - 1 for _ in range(2 + NOISE)]
            radius = math.hypot(*numbers[:2])
            ring = "near" if radius < NEAR else "halfway" if radius < HALFWAY else "far"
            rows.writerow([*(f"{number:.3f}" for number in numbers), ring])


if __name__ == "__main__":
    write()
