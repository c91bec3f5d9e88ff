"""One neuron finds its sign where its trained weights are kept, and not where they are reset (Figure 1)."""

from harness import Design, Scale, Source, Start, Task, Training, beats, claim, combine, equals, fresh, prune, train

from . import study

NETS = 5  # nets a replicate, whose share that learns the task is read


@claim(
    "gadhikar2024/rewinding-finds-the-sign",
    statement="""Of nets of one hidden neuron with many inputs, of which one matters, more learn the task if they are
        pruned to one input and trained on (learning rate rewinding) than if their weights are reset.""",
    source=Source(
        version="arXiv 2402.19262",
        place="Figure 1, its caption",
        published="reset: a quarter of initial weights; rewinding the learning rate: half of them, with many inputs",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "The sign of the first input is to be told, instead of its positive part; cross-entropy instead of its square.",
        "Initial weights have one magnitude a layer, so that |w| = |a|: the signs alone decide.",
        "Weights that are reset get the magnitude of a, so that |w| = |a| after pruning too. In a pilot without it and "
        "with 400 steps, every arm learnt it on half of the initial weights: the larger of the two keeps its sign.",
        "Twenty inputs, one kept, by one-shot pruning; beside them one input, where nothing is pruned.",
    ),
)
def rewinding_finds_the_sign(scale: Scale) -> Design:
    """Five nets a replicate. The true mask keeps the first input; the trained signs go on initial magnitudes."""

    def draws(task: Task) -> list[Training]:
        start = [fresh("reinit", draw=i) for i in range(NETS)]
        return [train(study.NETS[task], task, study.RECIPE, start=each) for each in start]

    def pruned(dense: Training, start: Start, *, by: str = "magnitude") -> Training:
        mask = prune(dense, keep=study.KEEP, by=by)
        return train(dense.network, dense.task, study.RECIPE, mask=mask, start=start)

    def reset(dense: Training, signs: Training | Start, *, by: str = "magnitude") -> Training:
        return pruned(dense, combine("gadhikar2024/balanced", dense.at(0), signs), by=by)

    dense, one = draws(study.TWENTY), draws(study.ONE)
    return Design(
        arms={
            "dense": dense,
            "reset": [reset(each, each.at(0)) for each in dense],
            "rewinding": [pruned(each, each.at("end")) for each in dense],
            "true mask, reset": [reset(each, each.at(0), by="gadhikar2024/first input") for each in dense],
            "trained signs": [reset(each, each) for each in dense],
            "new weights": [reset(each, fresh("reinit", draw=NETS + i)) for i, each in enumerate(dense)],
            "one input": one,
            "one input, trained on": [train(e.network, e.task, study.RECIPE, start=e.at("end")) for e in one],
        },
        parts=(
            beats("rewinding", "reset", on=study.TWENTY, metric="converged"),
            beats("trained signs", "true mask, reset", on=study.TWENTY, metric="converged"),
        ),
        beside=(
            equals("true mask, reset", "reset", on=study.TWENTY, metric="converged", floors=("dense",)),
            beats("one input, trained on", "one input", on=study.ONE, metric="converged"),
        ),
        contrast=("mask", "start"),
        replicates=20,
    )
