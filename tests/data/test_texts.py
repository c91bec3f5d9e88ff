"""Texts as data sets: windows of tokens, each token an answer once; files of one's own and published ones."""

from dataclasses import replace

import numpy as np
import pytest

from harness.data import _finding
from harness.data._drawing import batches
from harness.data._finding import FOLDER_OPTION, require_sets
from harness.data._sets import SETS, DataSet, File, load_set
from harness.data._splits import check_task, held_out, pools
from harness.data._tasks import SHAKESPEARE, TINY_SHAKESPEARE, WIKITEXT2
from harness.data._texts import text_set, windows
from harness.errors import DataError, DesignError
from harness.streams import Replicate


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder of one's own."""
    monkeypatch.setenv(FOLDER_OPTION, str(tmp_path))
    return tmp_path


@pytest.fixture
def mine(folder):
    """A text by words, with another one for testing."""
    (folder / "mine.txt").write_text("to be or not\nto be that is\n")
    (folder / "test.txt").write_text("not to be\n")
    yield folder
    SETS.remove("mine")
    load_set.cache_clear()


def test_windows_are_the_text_and_what_follows():
    """Put end to end they are the text, and each token but the first is an answer once."""
    text = "abcdefghijklmnopqrstuvwxyz" * 3
    tokens, following = windows("alphabet", [text], "characters", 7)
    whole = np.array([ord(letter) - ord("a") for letter in text])
    assert tokens.shape == following.shape == (11, 7)
    np.testing.assert_array_equal(tokens.ravel(), whole[:77])
    np.testing.assert_array_equal(following.ravel(), whole[1:78])


def test_words_are_numbered_by_the_alphabet_and_lines_end(mine):
    """A word is what stands between blanks; the end of a line is one too; the test text has the same numbers."""
    text_set("mine", "mine.txt", by="words", window=3, train=3, test=1, test_file="test.txt")
    loaded = load_set("mine")
    words = ["<eos>", "be", "is", "not", "or", "that", "to"]
    told = [[words[token] for token in row] for row in loaded.images]
    assert told == [["to", "be", "or"], ["not", "<eos>", "to"], ["be", "that", "is"], ["not", "to", "be"]]
    assert [words[token] for token in loaded.labels[-1]] == ["to", "be", "<eos>"]
    assert loaded.train == 3


def test_a_test_text_that_is_learnt_is_refused(mine):
    """The same file twice, or a part of what is trained on."""
    (mine / "test.txt").write_text("not\nto be that")
    text_set("mine", "mine.txt", by="words", window=3, train=3, test=1, test_file="test.txt")
    with pytest.raises(DataError, match=r"all of test.txt stands in mine.txt, .* Next: take it out"):
        load_set("mine")


def test_a_word_that_training_has_not_is_refused(mine):
    """By its name, with what to do."""
    (mine / "test.txt").write_text("not to sleep\n")
    text_set("mine", "mine.txt", by="words", window=3, train=3, test=1, test_file="test.txt")
    with pytest.raises(DataError, match=r"'sleep' stands in the text for testing and not in that for training. Next"):
        load_set("mine")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"by": "lines"}, "by='characters' or by='words'"),
        ({"test": 2}, "give both, or neither"),
        ({"window": 0}, "give at least one of each"),
    ],
)
def test_texts_that_cannot_be_are_refused(given, why):
    """Before anything is read."""
    with pytest.raises(DesignError, match=why):
        text_set("other", "mine.txt", **{"window": 3, "train": 3} | given)
    assert "other" not in SETS


def test_the_embedded_text_is_what_the_task_says():
    """200,000 characters, 62 different ones; chance is the share of the most frequent."""
    loaded = load_set(DataSet.SHAKESPEARE)
    check_task(SHAKESPEARE)
    assert loaded.images.shape == (6249, 32)
    assert loaded.digest == "ea267cd86dbd0457f8f92907da54d7e2"
    assert round(np.bincount(loaded.labels.ravel()).max() / loaded.labels.size, 3) == SHAKESPEARE.chance


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (b"to be", r"gives 0 windows of 3 tokens, said were 3. Next: text_set\('mine', ..., train=0\)"),
        ("na\u00efve".encode("latin-1"), "is no UTF-8"),
    ],
)
def test_a_file_that_is_not_what_was_said_is_refused(mine, written, why):
    """With the number of windows that it has."""
    (mine / "mine.txt").write_bytes(written)
    text_set("mine", "mine.txt", by="words", window=3, train=3)
    with pytest.raises(DataError, match=why):
        load_set("mine")


@pytest.mark.parametrize("task", [TINY_SHAKESPEARE, WIKITEXT2], ids=lambda task: task.name)
def test_published_texts_are_what_the_tasks_say(real, task):
    """As many windows of as many tokens, and chance is the share of the most frequent."""
    loaded = real(task.source)
    check_task(task)
    answers = loaded.labels[loaded.train :] if task.own_test else loaded.labels
    assert abs(np.bincount(answers.ravel()).max() / answers.size - task.chance) < 5e-4
    assert len(loaded.labels) == SETS[task.source].train + SETS[task.source].test


def test_no_answer_is_both_learned_and_tested():
    """Splits are disjoint windows, and batches are of the training ones alone, each with what follows its tokens."""
    replicate, labels = Replicate(5, 1), load_set(DataSet.SHAKESPEARE).labels
    pool = pools(replicate, SHAKESPEARE)
    assert len(set(np.concatenate(list(pool.values())))) == 6249
    drawn = batches(SHAKESPEARE, replicate, 0, size=32, first=0, last=170)
    assert set(drawn.images.ravel()) <= set(pool["train"])
    np.testing.assert_array_equal(drawn.answers, labels[drawn.images[..., 0]])
    test = held_out(SHAKESPEARE, replicate, "test")
    np.testing.assert_array_equal(test.images[:, 0], pool["test"])
    np.testing.assert_array_equal(test.answers, labels[pool["test"]])


@pytest.mark.parametrize(
    "changed", [{"mirrored": True}, {"permuted": True}, {"scaling": "l2"}, {"augment": "crop-flip"}, {"images": 2}]
)
def test_variants_of_a_text_are_refused(changed):
    """What is done to images means nothing to tokens."""
    with pytest.raises(DesignError, match="take it as it is"):
        replace(SHAKESPEARE, **changed)


def test_windows_of_ones_own_are_checked():
    """What follows is the tokens one place on: an off-by-one is no text."""
    described = replace(SETS[DataSet.SHAKESPEARE], train=2, load=lambda: (np.ones((2, 3), int), np.zeros((2, 3), int)))
    SETS.add("shifted", described)
    with pytest.raises(DataError, match="the same tokens one place on"):
        load_set("shifted")
    SETS.remove("shifted")


def test_a_text_is_downloaded_whole_or_not_at_all(folder, tmp_path_factory, monkeypatch):
    """From its address, with its checksum; another file is refused and nothing of it stays."""
    there = tmp_path_factory.mktemp("there") / "input.txt"
    there.write_text("abcabcabc")
    for md5, fits in (("97ac82a5b825239e782d0339e2d7b910", True), ("0" * 32, False)):
        file = File("far/input.txt", 9, md5, there.as_uri())
        SETS.add("far", replace(SETS[DataSet.TINY_SHAKESPEARE], files=(file,)))
        if fits:
            with pytest.raises(DataError, match=r"the data set far is not there.*--download"):
                require_sets(["far"])
            require_sets(["far"], download=True)
            assert (folder / "far" / "input.txt").read_text() == "abcabcabc"
            (folder / "far" / "input.txt").unlink()
        else:
            with pytest.raises(DataError, match=r"could not be downloaded.*gives md5 97ac82a5.*not 0000"):
                require_sets(["far"], download=True)
            assert list((folder / "far").iterdir()) == []
        SETS.remove("far")
    assert _finding.find_set(DataSet.SHAKESPEARE) is not None
