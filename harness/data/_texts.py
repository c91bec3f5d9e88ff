"""Texts as data sets: a row is a window of tokens, characters or words by number, and what follows each of them.

No token is an answer in two windows: what a replicate is tested on was nothing that it had to answer in training.
"""

from __future__ import annotations

import hashlib
import lzma
import sys
from functools import partial
from importlib.resources import files
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data._finding import find_set, found_file, require_sets
from harness.data._sets import NO_MOMENTS, SETS, DataSet, File, Images, ImageSet, add_set
from harness.errors import DataError, DesignError

KINDS = ("characters", "words")
END_OF_LINE = "<eos>"  # a word of its own, as is usual with WikiText


def text_set(
    name: str,
    file: str,
    *,
    by: str = "characters",
    window: int,
    train: int,
    test: int = 0,
    test_file: str = "",
    version: int = 1,
    digest: str = "",
) -> None:
    """Register a text as a data set for language modelling: each token of a window is to be told before it is seen.

    A task on it has ``shape=(1, 1, window)`` and as many classes as there are tokens: those of the file, numbered by
    the alphabet. Its networks begin with an `Embedding`.

    Args:
        name: How a task names it.
        file: A text in UTF-8, found beside the file that calls this, else in the data folders (``--data-dir``);
            ``package.module:text.txt`` is a file that an installed package brings along.
        by: What tokens are: ``"characters"``, or ``"words"`` between blanks, with one more at the end of each line.
        window: The number of tokens of an example.
        train: The number of windows of the file, one less than its tokens, divided by `window`, a rest left out. The
            training and validation windows of a task are drawn from these, and without `test` its test windows too.
        test: The number of windows for testing, of `test_file`.
        test_file: Another text, all of whose tokens the first one has.
        version: Raise it when other windows are meant.
        digest: What all of it must hash to; see `data_set`.

    Raises:
        DesignError: Another data set has this name, tokens are of no known kind, or `test` is without its file.

    Example:
        >>> from harness.data import SETS, Task
        >>> text_set("sonnets", "sonnets.txt", window=32, train=2_900)
        >>> Task("sonnets", images=1, classes=61, chance=0.16, sesoi_pp=0.5, margin_pp=0.5, source="sonnets",
        ...      shape=(1, 1, 32), train_images=2_400, validation_images=200, test_images=300).reads_tokens
        True
        >>> SETS.remove("sonnets")
    """
    if by not in KINDS:
        raise DesignError(f"text {name!r} has tokens by {by!r}. Next: by='characters' or by='words'")
    if bool(test) != bool(test_file):
        raise DesignError(f"text {name!r}: test= windows are those of test_file=. Next: give both, or neither")
    if min(window, train) < 1:
        raise DesignError(f"text {name!r} of {train} windows of {window} tokens. Next: give at least one of each")
    caller = sys._getframe(1).f_globals.get("__file__")
    beside = None if caller is None else Path(caller).parent
    described = ImageSet(
        train=train,
        test=test,
        moments=NO_MOMENTS,
        load=partial(_load, name, (file, test_file), by, window, (train, test), beside),
        table=str(file if beside is None or ":" in file else beside / file),
        digest=digest,
        text=True,
    )
    add_set(name, described, version=version)


def _load(
    name: str, texts: tuple[str, str], by: str, window: int, said: tuple[int, int], beside: Path | None
) -> tuple[Images, NDArray[np.int64]]:
    """Return the windows of a text, and of another behind them. Raises DataError for a file that is not there."""
    read = []
    for file in filter(None, texts):
        with found_file(name, file, beside) as path:
            try:
                read.append(path.read_text(encoding="utf-8-sig"))
            except UnicodeDecodeError as error:
                raise DataError(f"data set {name}: {file} is no UTF-8 ({error}). Next: save it as UTF-8") from error
    if len(read) > 1 and read[1] in read[0]:
        raise DataError(
            f"data set {name}: all of {texts[1]} stands in {texts[0]}, so that a test would be of what was learnt. "
            "Next: take it out of the text for training"
        )
    counts = tuple((len(_tokens(text, by)) - 1) // window for text in read)
    for what, file, count, meant in zip(("train", "test"), texts, counts, said, strict=False):
        if count != meant:
            raise DataError(
                f"data set {name}: {file} gives {count} windows of {window} tokens, said were {meant}. "
                f"Next: text_set({name!r}, ..., {what}={count}), or another window="
            )
    return windows(name, read, by, window)


def windows(name: str, texts: list[str], by: str, window: int) -> tuple[Images, NDArray[np.int64]]:
    """Return each window's tokens and what follows them, both (windows, window), of one text after the other.

    Tokens are those of the first text. Raises DataError where another one has others.
    """
    split = [_tokens(text, by) for text in texts]
    numbers = {token: number for number, token in enumerate(sorted(set(split[0])))}
    if unknown := next((token for token in chain(*split[1:]) if token not in numbers), ""):
        raise DataError(
            f"data set {name}: {unknown!r} stands in the text for testing and not in that for training. "
            "Next: put one token in place of such, in the file"
        )
    rows, following = [], []
    for tokens in split:
        given = np.array([numbers[token] for token in tokens])
        count = (len(given) - 1) // window
        rows.append(given[: count * window].reshape(count, window))
        following.append(given[1 : count * window + 1].reshape(count, window))
    return np.concatenate(rows).astype(np.int32), np.concatenate(following).astype(np.int64)


def _tokens(text: str, by: str) -> list[str]:
    if by == "characters":
        return list(text)
    return list(chain(*([*line.split(), END_OF_LINE] for line in text.removesuffix("\n").split("\n"))))


def _embedded() -> tuple[Images, NDArray[np.int64]]:
    packed = files("harness.data").joinpath("shakespeare.xz").read_bytes()
    return windows(DataSet.SHAKESPEARE, [lzma.decompress(packed).decode("ascii")], "characters", 32)


def _published(name: DataSet, by: str, window: int) -> tuple[Images, NDArray[np.int64]]:
    """Return the windows of a published text. Raises DataError for a file that is not there, or another one."""
    require_sets([name])
    folder = find_set(name)
    assert folder is not None
    texts = []
    for file in SETS[name].files:
        given = (folder / file.path).read_bytes()
        if (md5 := hashlib.md5(given, usedforsecurity=False).hexdigest()) != file.md5:
            raise DataError(
                f"{folder / file.path} has md5 {md5}, not {file.md5}: it is not the published {name}. "
                "Next: move it away, then the same command with --download"
            )
        texts.append(given.decode("utf-8"))
    return windows(name, texts, by, window)


SETS.add(
    DataSet.SHAKESPEARE,
    ImageSet(train=6249, pixels=32, classes=62, moments=NO_MOMENTS, load=_embedded, text=True),
)
SETS.add(
    DataSet.TINY_SHAKESPEARE,
    ImageSet(
        train=17_428,
        pixels=64,
        classes=65,
        moments=NO_MOMENTS,
        load=partial(_published, DataSet.TINY_SHAKESPEARE, "characters", 64),
        files=(
            File(
                "tinyshakespeare/input.txt",
                1_115_394,
                "6fb458f1232090904fb40fe944165e91",
                "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            ),
        ),
        text=True,
    ),
)
WIKITEXT = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data"
SETS.add(
    DataSet.WIKITEXT2,
    ImageSet(
        train=41_772,
        test=4_911,
        pixels=50,
        classes=33_278,
        moments=NO_MOMENTS,
        load=partial(_published, DataSet.WIKITEXT2, "words", 50),
        files=tuple(
            File(path, size, md5, f"{WIKITEXT}/{path}")
            for path, size, md5 in (
                ("wikitext-2/train.txt", 10_797_148, "34a77ebe59551b3a3b3d8c0a2797c976"),
                ("wikitext-2/test.txt", 1_256_449, "781c9418ab9414bd09e4aad825aae752"),
            )
        ),
        text=True,
    ),
)
