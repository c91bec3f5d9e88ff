"""Mutation evidence: load-bearing lines are broken one at a time, and a test must notice each.

    python -m tests.mutants                       all of them
    python -m tests.mutants stats lock.Registry   those of a module, class or function

Each mutant is put into a copy of the project, and the tests it names are run there, two mutants at a time. The same
tests run first on the unbroken copy, where they must pass. The exit status is 1 where a mutant survives or its tests
show nothing, 2 where a row of the table no longer fits its file. To add a mutant, add a row: a change of behaviour, not
of syntax, and the tests that should notice it.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
COPIED = ("harness", "claims", "tests", "docs", "reports", "benchmarks", "pyproject.toml", "noxfile.py", "README.md")
PLACES = 2  # copies, and mutants tested at a time, each on one thread
LIMIT_S = 120.0  # a test run that takes longer hangs, which counts as noticed


class MovedError(Exception):
    """A row of the table does not fit its file any more."""


@dataclass(frozen=True)
class Mutant:
    """One broken line: `before` stands once in what `name` names, and becomes `after`; `tests` should notice.

    `name` is a module of the harness, wherever it lies, and a function, method or constant of it:
    ``store.Store.array`` is in ``harness/store/_store.py``. `tests` are separated by spaces, each a file of tests by
    its name or one test in it: ``test_store::test_a_record_appears_whole``.
    """

    name: str
    before: str
    after: str
    tests: str

    @property
    def function(self) -> str:
        """What changes in its module: ``Store.array``."""
        return self.name.partition(".")[2]

    @property
    def file(self) -> Path:
        """The module's file, from the project's folder."""
        module = self.name.partition(".")[0]
        return _only("harness", f"_{module}.py", f"{module}.py")

    def given(self) -> list[str]:
        """Return the tests as pytest is given them."""
        return [located(test) for test in self.tests.split()]


def located(test: str) -> str:
    """Return a test with the path of its file."""
    file, separator, name = test.partition("::")
    return f"{_only('tests', f'{file}.py')}{separator}{name}"


@cache
def _only(folder: str, *names: str) -> Path:
    """Return the only file with one of these names below a folder. Raises MovedError for none or several."""
    found = [path for path in sorted((ROOT / folder).rglob("*.py")) if path.name in names]
    if len(found) != 1:
        told = ", ".join(str(path.relative_to(ROOT)) for path in found) or "none"
        raise MovedError(f"{' or '.join(names)} is {told} below {folder}/: update the table in tests/mutants.py")
    return found[0].relative_to(ROOT)


@dataclass(frozen=True)
class Outcome:
    """What the tests made of a mutant: who noticed, or why there is no evidence."""

    mutant: Mutant
    killed_by: str
    fault: str
    seconds: float


# fmt: off
MUTANTS = (
    # --- masks: counts, ties, what is alive ---
    Mutant("network.round_half_up",
           "math.floor(x + Fraction(1, 2))", "round(x)",
           "test_masks::test_rounding_is_half_up"),
    Mutant("network.kept_counts",
           "round_half_up(tensor.size * keep[layer])", "math.ceil(tensor.size * keep[layer])",
           "test_masks::test_layers_keep_the_largest_of_what_is_alive"),
    Mutant("masks.largest",
           "np.flatnonzero(alive)", "np.arange(len(alive))",
           "test_masks::test_a_removed_weight_never_comes_back"),
    Mutant("masks.largest",
           'np.argsort(-magnitudes[candidates], kind="stable")',
           'np.argsort(magnitudes[candidates], kind="stable")[::-1]',  # ties to the higher index
           "test_masks::test_layers_keep_the_largest_of_what_is_alive"),
    Mutant("criteria.magnitude",
           "np.abs(weights)", "weights",
           "test_masks::test_layers_keep_the_largest_of_what_is_alive"),
    Mutant("masks.prune_by_magnitude",
           "alive[places]", "np.ones_like(alive[places])",
           "test_masks::test_a_removed_weight_never_comes_back"),
    Mutant("masks.prune_by_magnitude",
           "for tensor in layers.values()])", "for tensor in reversed(layers.values())])",  # ties to the later layer
           "test_masks::test_global_pruning_keeps_the_largest_of_all_layers"),
    Mutant("masks.random_bits",
           '"mask", draw', '"mask", 0',
           "test_masks::test_random_masks_are_exact_and_differ_by_draw"),
    Mutant("masks.random_bits",
           "counter=i", "counter=0",  # layers of one size lose the same places
           "test_masks::test_layers_of_one_size_lose_places_of_their_own"),
    Mutant("masks.learned_bits",
           "Scope.LAYER", "Scope.GLOBAL",
           "test_masks::test_learned_mask_is_what_the_engine_uses"),
    Mutant("masks.learned_bits",
           "if alive is None else alive", "",  # removed weights are learned again
           "test_edge_popup::test_under_a_mask_scores_are_ranked_among_the_living"),
    Mutant("stack.ScoreStack.leaves",
           "if name in self._dead:", "if False:",
           "test_edge_popup::test_under_a_mask_scores_are_ranked_among_the_living"),
    Mutant("densities.layer_counts",
           "if not count]", "if count < 0]",
           "test_expression::test_a_layer_without_a_weight_is_refused"),
    Mutant("trainings._among_living",
           "living is None or living < count", "living is None",
           "test_expression::test_scores_under_a_mask_use_weights_that_are_left"),
    Mutant("trainings._among_living",
           "return ScoresUnderMask(learn.keep)", "return learn",  # the key of one that ranked removed weights too
           "test_expression::test_scores_under_a_mask_use_weights_that_are_left"),
    Mutant("check._check_draws",
           "if len({node.key for node in alike}) > 1:", "if False:",
           "test_check::test_what_is_averaged_is_one_thing_drawn_again"),
    Mutant("check._learned",
           ".union(*(_learned(taken.training) for taken in consumed(node)))", "",
           "test_check::test_test_images_that_were_trained_on_are_refused"),
    Mutant("tasks.shown_test_images",
           '[seen["train"], seen["validation"]]', '[seen["validation"]]',
           "test_check::test_test_images_that_were_trained_on_are_refused"),
    Mutant("tasks.check_task",
           "or task.classes < classes", "",
           "test_check::test_a_task_that_its_data_does_not_fit_is_refused"),
    Mutant("masks.prune_by_magnitude",
           "mask[tensor.slice] = alive[tensor.slice]", "mask[tensor.slice] = True",  # removed weights come back
           "test_masks::test_layers_that_are_left_out_keep_what_they_had"),
    Mutant("masks.shuffled",
           "first=APART + i", "first=i",  # the places that a random mask of this draw has
           "test_masks::test_a_shuffle_is_no_random_mask"),
    Mutant("pruning.ShuffledMask.bits",
           "shuffled(self.network, stored.bits(self.mask), stored.replicate, self.draw)",
           "stored.bits(self.mask)",
           "test_plan::test_a_shuffled_mask_reaches_the_member"),
    Mutant("criteria.in_deviations",
           "weights[alive]", "weights.reshape(-1)",  # the deviation of what was removed
           "test_masks::test_thresholds_are_one_quality_times_each_layer_s_deviation"),
    Mutant("criteria.Criterion.rule",
           "self.version == 1", "self.version",  # another version's masks are taken for its own
           "test_criteria::test_another_version_has_another_key"),
    Mutant("criteria.Criterion.scores",
           " and np.isfinite(weights).all()", "",
           "test_criteria::test_a_layer_that_diverged_is_scored"),
    Mutant("extensions.Extensions.__getitem__",
           "if name not in self._things:", "if (name := self.latest(name)) not in self._things:",
           "test_criteria::test_a_mask_of_another_version_is_refused"),
    Mutant("masks.prune_units",
           "&= kept_O[:, None]", "&= True",  # a dropped unit's bias still feeds the next layer
           "test_masks::test_dropped_units_feed_nothing"),
    Mutant("masks.prune_units",
           "np.asarray(alive_IO.any(0))", "np.ones(into.shape[1], np.bool_)",
           "test_masks::test_a_dropped_unit_never_comes_back"),
    Mutant("masks.prune_units",
           ".sum(0)", ".max(0)",
           "test_masks::test_units_with_the_largest_incoming_weights_stay"),
    Mutant("network.unit_weights",
           "inputs * outputs, outputs", "inputs * outputs, tensor.shape[1]",  # every unit before is still there
           "test_masks::test_counts_of_units_are_exact"),
    Mutant("pruning._check_units",
           "0 < count <= left[layer]", "0 < count",
           "test_masks::test_units_come_before_weights_and_do_not_come_back"),
    # --- pruning order: scope and chain ---
    Mutant("pruning.prune",
           'Snapshot(source, "end")', "Snapshot(source, source.first_step)",
           "test_expression::test_a_pruned_training_means_its_end"),
    Mutant("pruning.prune",
           "density(node) > density(training.mask)", "density(node) > 1",
           "test_expression::test_growing_density_is_refused"),
    Mutant("pruning.prune",
           "counts[layer] > before[layer]", "counts[layer] > sum(before.values())",
           "test_expression::test_a_growing_layer_is_refused"),
    Mutant("pruning.Prune.kept_in",
           "round_half_up(sum(sizes[name] for name in among) * self.keep)",
           "int(sum(sizes[name] for name in among) * self.keep)",
           "test_masks::test_structural_counts_are_those_of_the_bits"),
    Mutant("pruning.Prune.kept_in",
           "elif among <= layers:", "elif among & layers:",
           "test_expression::test_layers_left_out_must_have_a_known_count"),
    Mutant("pruning.Prune.bits",
           "self.scope, self.among", "self.scope, ()",
           "test_plan::test_layers_that_are_left_out_reach_the_member"),
    Mutant("pruning.Prune.bits",
           "self.among, self.rule", "self.among",
           "test_plan::test_a_ticket_of_one_rule_is_pruned_on_by_it"),
    Mutant("pruning.Prune.bits",
           "else stored.bits(before)", "else ones(self.network)",  # each round prunes the whole network
           "test_plan::test_members_are_what_their_expressions_say"),
    Mutant("pruning.Prune.bits",
           "self.source.values(stored, self.network)",
           "self.source.training.begins.values(stored, self.network)",
           "test_plan::test_members_are_what_their_expressions_say"),
    Mutant("inputs.Inputs.bits",
           "(mask.key, self.replicate, made_from)", "(mask.key, self.replicate)",  # a mask of older weights
           "test_plan::test_masks_follow_the_weights_that_are_stored_now"),
    Mutant("pruning.Prune.bits",
           "self.keep, self.scope", "self.keep, Scope.LAYER",
           "test_plan::test_scope_and_draw_reach_the_member"),
    # --- rewinding: at(k), first_step, start ---
    Mutant("trainings.Training.at",
           "step == self.first_step and self.mask is None", "step == self.first_step",
           "test_training::test_at_first_step_without_mask_is_the_start_itself"),
    Mutant("trainings.Training.at",
           "self.first_step <= step", "0 <= step",
           "test_training::test_at_outside_the_training_is_refused"),
    Mutant("trainings.Training.at",
           "if step == self.recipe.steps:", "if step is None:",
           "test_training::test_at_the_last_step_is_the_end"),
    Mutant("course._Course.train",
           "elif at in population", "elif 0 in population",
           "test_training::test_first_snapshot_is_the_start"),
    Mutant("updates.Updates.run",
           "yield step + 1", "yield step",  # at(k) after k + 1 updates
           "test_training::test_snapshot_k_is_the_parameters_after_k_updates"),
    Mutant("updates.Updates.run",
           "_chunks(program, begin, last)", "_chunks(program, 0, last)",
           "test_training::test_a_later_first_step_uses_that_step_s_rate_and_batches_and_a_new_optimiser"),
    Mutant("population.Program.of",
           "asked.recipe, asked.first_step, asked.learn", "asked.recipe, 0, asked.learn",
           "test_plan::test_a_program_is_what_its_members_have_in_common"),
    Mutant("trainings.Snapshot.values",
           "stored.array(self).astype(np.float32)", 'initial_values(network, stored.replicate, "init", 0)',
           "test_plan::test_members_are_what_their_expressions_say"),
    Mutant("masks.resampled",
           "values[tensor.slice][mask[tensor.slice]]", "values[tensor.slice]",  # from all initial values
           "test_masks::test_resampled_weights_are_those_of_the_survivors"),
    Mutant("nodes.parents",
           "for f in fields(cast(Any, node)))", "for f in fields(cast(Any, node))[:1])",  # its mask only
           "test_expression::test_a_resampled_start_consumes_mask_and_start"),
    Mutant("trainings.Resampled.values",
           "self.start.values(stored, network)", 'initial_values(network, stored.replicate, "init", 0)',
           "test_plan::test_a_resampled_start_reaches_the_member"),
    Mutant("trainings.Fresh.values",
           "self.stream, self.draw", "self.stream, 0",
           "test_plan::test_scope_and_draw_reach_the_member"),
    # --- schedules ---
    Mutant("recipe.Drops.factor",
           "step >= drop * steps", "step > drop * steps",
           "test_training::test_drops_fall_at_the_first_step_of_each_fraction"),
    Mutant("recipe.Drops.factor",
           "self.by ** sum(", "self.by * sum(",
           "test_training::test_drops_fall_at_the_first_step_of_each_fraction"),
    Mutant("recipe.Cosine.factor",
           "math.pi * step / steps", "math.pi * (step + 1) / steps",
           "test_training::test_cosine_falls_from_one_to_nearly_nothing"),
    Mutant("recipe.Warmup.factor",
           "step / self.steps", "(step + 1) / self.steps",
           "test_training::test_warm_up_rises_from_nothing_to_what_follows"),
    Mutant("recipe.Warmup.factor",
           "* self.then.factor(step, steps)", "* self.then.factor(step, steps) ** (step >= self.steps)",
           "test_training::test_warm_up_rises_from_nothing_to_what_follows"),
    # --- exact quantities ---
    Mutant("published.counted",
           "weights * math.prod(output.shape[2:])", "weights * math.prod(output.shape[3:])",
           "test_published::test_published_networks_have_their_known_counts"),
    Mutant("exact.printed",
           "round_half_up(value / UNITS[unit] * 10**decimals)", "round(value / UNITS[unit] * 10**decimals)",
           "test_published::test_a_value_is_compared_as_the_figure_is_printed"),
    Mutant("exact.printed",
           "rounded if callable(observed) else rounded()", "rounded()",  # imports torch in a plan
           "test_published::test_nothing_is_computed_before_it_is_asked_for"),
    # --- streams: key, counter, permutation; data; initial values ---
    Mutant("streams.generator",
           "/{stream}/{draw}", "/{stream}",
           "test_expression::test_streams_never_meet"),
    Mutant("streams.generator",
           "{replicate.index}/", "",
           "test_expression::test_streams_never_meet"),
    Mutant("streams.generator",
           "counter=counter * BLOCK", "counter=counter",
           "test_expression::test_counters_do_not_overlap"),
    Mutant("streams.permutations",
           "range(first, first + count)", "range(count)",
           "test_expression::test_order_of_drawing_does_not_matter"),
    Mutant("streams.integers",
           "% np.uint64(below)", "% np.uint64(below + 1)",
           "test_expression::test_integers_are_uniform"),
    Mutant("tasks.pools",
           "order[task.train_images : held_back]", "order[: task.validation_images]",  # validated on training images
           "test_training::test_splits_are_disjoint_and_each_replicate_has_its_own"),
    Mutant("tasks.batches",
           "start = first - epochs.start * per_epoch", "start = 0",
           "test_training::test_batches_are_a_function_of_the_absolute_step"),
    Mutant("tasks.batches",
           "rows[:, : per_epoch * size]", "rows[:, : size].repeat(per_epoch, 1)",
           "test_training::test_an_epoch_shows_every_image_once_and_drops_the_last_partial_batch"),
    Mutant("tasks.calibration",
           'pools(replicate, task)["train"]', 'pools(replicate, task)["test"]',
           "test_training::test_pairs_stay_within_their_pools"),
    Mutant("tasks.pools",
           "np.arange(drawn, drawn + task.test_images)", "np.arange(task.test_images)",  # tested on training images
           "test_sets::test_real_splits_are_disjoint_and_of_exact_sizes"),
    Mutant("tasks.crops",
           "start = first - epochs.start * per_epoch", "start = 0",
           "test_sets::test_crops_are_a_function_of_the_absolute_step"),
    Mutant("feed._augment",
           "member.augment_draw", "member.order_draw",
           "test_sets::test_augmentation_has_its_own_stream"),
    Mutant("pixels.cropped",
           "width - 1 - column_W", "width - column_W",
           "test_sets::test_crops_are_torchvision_s"),
    Mutant("pixels.scaled",
           ".square_().sum(", ".sum(",
           "test_sets::test_scaling_is_the_plain_formula"),
    Mutant("tasks.pools",
           "if task.whole:", "if task.own_test:",
           "test_xor::test_every_split_is_all_four_points"),
    Mutant("metrics.Metric.read",
           "float(value == 1) if self.all_right", "value if self.all_right",
           "test_xor::test_a_replicate_is_the_share_of_its_block_that_converged"),
    Mutant("sets._read",
           "md5 != file.md5", "not md5",
           "test_sets::test_other_bytes_are_refused"),
    Mutant("network.initial_values",
           "counter=i", "counter=0",
           "test_expression::test_normal_draws_are_those_of_every_stored_result"),
    Mutant("network._weights",
           "math.sqrt(2 / (fan_in + fan_out))", "math.sqrt(2 / fan_in)",
           "test_expression::test_init_distributions_are_those_of_their_papers"),
    # --- edge-popup: scale, straight-through sign, ties ---
    Mutant("stack.ScoreStack.__init__",
           "math.sqrt(1 / learn.keep)", "1 / learn.keep",
           "test_edge_popup::test_exactly_k_weights_a_layer_are_used_at_every_step"),
    Mutant("stack.ScoreStack.leaves",
           "self._scores[name].abs().flatten(1)", "self._scores[name].flatten(1)",
           "test_edge_popup::test_learned_mask_is_what_the_last_forward_used"),
    Mutant("stack.ScoreStack.put_gradients",
           "self._scores[name].sign()", "self._scores[name].sign().abs()",
           "test_edge_popup::test_score_gradient_is_that_of_autograd[1]"),
    Mutant("stack.ScoreStack.put_gradients",
           "self._weights[name] * self._scale", "self._weights[name]",
           "test_edge_popup::test_score_gradient_is_that_of_autograd[1]"),
    Mutant("stack.ScoreStack.put_gradients",
           "gradients[name] * self._weights[name]", "gradients[name] * self.leaves()[name].detach()",  # of used weights
           "test_edge_popup::test_scores_of_unused_weights_are_trained_too"),
    Mutant("stack._without_surplus",
           "equal_RN.flip(1).cumsum(1).flip(1)", "equal_RN.cumsum(1)",  # ties to the higher index
           "test_masks::test_learned_mask_is_what_the_engine_uses"),
    Mutant("stack.top",
           "if (mask_RN.sum(1) != count).any():", "if (mask_RN.sum(1) != count).all():",  # ties in one member only
           "test_masks::test_ties_are_broken_in_each_member"),
    # --- engine: masked gradients, the optimiser and its state, BatchNorm, absolute steps ---
    Mutant("stack.Stack.put_gradients",
           "torch.mul(gradient, self._mask[name], out=self._grad[name])", "self._grad[name].copy_(gradient)",
           "test_masks::test_removed_weights_are_zero_at_every_step_and_kept_ones_train"),
    Mutant("stack.Stack.__init__",
           "np.where(mask_RP > 0, np.stack([m.start for m in members]), np.float32(0))",
           "np.stack([m.start for m in members])",
           "test_masks::test_snapshots_of_a_masked_training_are_masked_from_the_first"),
    Mutant("updates.optimiser",
           "weight_decay=recipe.weight_decay", "weight_decay=0.0",
           "test_training::test_snapshot_k_is_the_parameters_after_k_updates"),
    Mutant("updates.Updates._load",
           "self._at.zero_()", "self._at.zero_(); self.optimiser.state.clear()",  # forget momentum at every chunk
           "test_training::test_batches_drawn_ahead_change_no_bit"),
    Mutant("updates.Updates._load",
           "recipe.learning_rate(step)", "recipe.learning_rate(step - first)",
           "test_training::test_a_later_first_step_uses_that_step_s_rate_and_batches_and_a_new_optimiser"),
    Mutant("updates.Updates._drawn",
           "self.feed.batches(first, first + count) for first",
           "self.feed.batches(first - chunks[0][0], first - chunks[0][0] + count) for first",
           "test_training::test_a_later_first_step_uses_that_step_s_rate_and_batches_and_a_new_optimiser"),
    Mutant("updates.Updates._update",
           "loss_R.sum()", "loss_R.mean()",  # members share a learning rate
           "test_training::test_a_diverged_member_leaves_its_neighbours_alone"),
    Mutant("course._Course.train",
           "if step % recipe.validate_every == 0 or step == last", "if step % recipe.validate_every == 0",
           "test_training::test_validation_is_measured_as_often_as_asked_and_after_the_last_step"),
    Mutant("measuring.Evaluator.outcome",
           "torch.where(bad_R, self._chance, accuracy_R)", "accuracy_R",
           "test_training::test_divergence_is_an_outcome"),
    Mutant("measuring.Evaluator.__init__",
           'feed.held_out("calibration")', "feed.held_out(split)",  # BatchNorm sees the test inputs
           "test_training::test_batch_norm_is_evaluated_by_the_moments_of_the_calibration_inputs"),
    Mutant("measuring.Evaluator._evaluate",
           "self._feed.inputs(images_RBK), moments=moments", "self._feed.inputs(images_RBK)",  # by its own moments
           "test_training::test_batch_norm_is_evaluated_by_the_moments_of_the_calibration_inputs"),
    Mutant("nn.Normalise.backward",
           "value=-1 / batch", "value=-1 / (batch - 1)",
           "test_training::test_snapshot_k_is_the_parameters_after_k_updates"),
    Mutant("nn._over",
           "(1, 3, 4)", "(1, 3)",
           "test_layers::test_forward_is_that_of_torch_modules"),
    Mutant("nn._through",
           "x = body + _through", "x = body * 2 + _through",
           "test_layers::test_forward_is_that_of_torch_modules"),
    Mutant("network.Tensor.fans",
           "outputs * math.prod(kernel)", "outputs",
           "test_layers::test_initial_convolutions_have_the_variance_of_their_fans"),
    # --- intervals, t and sign-flip p-values, Holm, power ---
    Mutant("paired.mean_interval",
           "x_R.size - 1, (1 + level) / 2", "x_R.size - 1, level",
           "test_paired::test_interval_excludes_what_the_test_rejects"),
    Mutant("paired._mean_and_error",
           "ddof=1", "ddof=0",
           "test_paired::test_t_matches_statsmodels"),
    Mutant("paired.t_greater",
           "x_R.size - 1", "x_R.size",
           "test_paired::test_t_matches_statsmodels"),
    Mutant("paired.t_less",
           "-_replicates(x), null=-null", "-_replicates(x), null=null",
           "test_paired::test_two_one_sided_tests_match_statsmodels"),
    Mutant("paired.flip_greater",
           'side="right"', 'side="left"',
           "test_paired::test_flip_matches_brute_force"),
    Mutant("paired.flip_greater",
           "tie - left", "-left",
           "test_paired::test_flip_matches_brute_force"),
    Mutant("paired.flip_greater",
           "(1 + _drawn_sums_at_most(d_R, tie))", "_drawn_sums_at_most(d_R, tie)",
           "test_paired::test_flip_with_many_replicates_draws_patterns"),
    Mutant("paired.flip_less",
           "-_replicates(x), null=-null", "-_replicates(x), null=null",
           "test_paired::test_flip_matches_brute_force"),
    Mutant("holm.holm",
           "np.arange(p_M.size, 0, -1)", "p_M.size",
           "test_holm::test_holm_matches_statsmodels"),
    Mutant("holm.holm",
           "np.maximum.accumulate(p_M[order] * np.arange(p_M.size, 0, -1))", "p_M[order] * np.arange(p_M.size, 0, -1)",
           "test_holm::test_holm_is_monotone"),
    Mutant("paired.t_power",
           "t_quantile(n - 1, 1 - alpha)", "t_quantile(n - 1, 1 - alpha / 2)",
           "test_paired::test_power_matches_statsmodels"),
    # --- the verdict rule ---
    Mutant("claim.HASHED_AS",
           '"bound": "bound_pp", ', "",
           "test_parts::test_fields_at_their_defaults_stay_out_of_the_lock"),
    Mutant("claim.HASHED_AS",
           ', "published": "published_pp"', "",
           "test_parts::test_fields_at_their_defaults_stay_out_of_the_lock"),
    Mutant("kinds.BEATS",
           "refuted=(below(1),)", "refuted=(below(0),)",
           "test_rule::test_part_table_of_beats"),
    Mutant("kinds.Kind.p_rep",
           "max(", "min(",
           "test_rule::test_part_table_of_equals"),
    Mutant("kinds.Kind.p_ref",
           "min(", "max(",
           "test_rule::test_part_table_of_equals"),
    Mutant("kinds.Kind.opposite",
           "side.mirrored()", "side",
           "test_rule::test_planted_outcomes"),
    Mutant("kinds.Kind.power_to_decide",
           ", *refuting)", ")",
           "test_power::test_a_pilot_that_points_either_way_can_decide"),
    Mutant("kinds.Kind.keeps_side",
           "if self.sized:", "if not self.sized:",
           "test_kinds::test_a_side_is_the_locked_effects_or_the_claims"),
    Mutant("assessment.assess",
           "np.round(comparison.differences, NOISE_DECIMALS)", "comparison.differences",
           "test_rule::test_no_spread_decides_nothing"),
    Mutant("assessment.all_hold",
           "max(", "min(",
           "test_rule::test_parts_combine"),
    Mutant("assessment.any_fails",
           "len(p) * each", "each",
           "test_rule::test_parts_combine"),
    Mutant("rule._outcome",
           "if p_ref <= alpha:", "if p_ref <= alpha and p_rep > alpha:",  # reproduced before refuted
           "test_rule::test_planted_outcomes"),
    Mutant("rule._outcome",
           " and not causes.floor_causes(claim)", "",
           "test_rule::test_floor_must_be_beaten_by_twice_the_margin"),
    Mutant("rule._outcome",
           " and not causes.below_sesoi(claim)", "",
           "test_rule::test_part_below_its_sesoi_blocks_reproduction"),
    Mutant("kinds.MATCHES",
           "floor=2", "floor=1",
           "test_rule::test_floor_must_be_beaten_by_twice_the_margin"),
    Mutant("assessment._floor",
           "mean_interval(x_R).lower", "float(np.mean(x_R))",
           "test_rule::test_floor_of_beats_must_be_above_zero"),
    Mutant("power.FEWEST",
           "5", "4",
           "test_rule::test_fewer_than_five_replicates_decide_nothing"),
    Mutant("power.SIGN_FLIP_FROM",
           "10", "11",
           "test_rule::test_disagreement_counts_from_ten_replicates"),
    Mutant("kinds.Kind.large_enough",
           "interval, bound) for", "Interval(interval.upper, interval.upper), bound) for",
           "test_rule::test_planted_outcomes"),
    Mutant("causes.undecidable",
           "part.sd == 0", "part.sd < 0",
           "test_rule::test_no_spread_decides_nothing"),
    Mutant("rule.decide",
           "_adjusted(family, {name: claim.p_rep for", "_adjusted(judged, {name: claim.p_rep for",  # a smaller family
           "test_rule::test_every_claim_of_the_lock_is_in_the_family"),
    Mutant("tested.compare_part",
           "{floor: reference - results", "{floor: results.read(claim, part.arm, part) - results",
           "test_report::test_the_rows_alone_bring_the_report_back"),
    # --- pictures, and what a report tells of earlier versions ---
    Mutant("pictures._by_task",
           "groups if len(groups) > 1 else", "groups if len(groups) > 9 else",
           "test_parts::test_every_task_and_metric_that_is_read_has_a_panel"),
    Mutant("pictures.picture",
           "bars if measured.all_right else strips", "strips",
           "test_pictures::test_the_picture_follows_from_what_was_measured"),
    Mutant("pictures.Panel.look",
           "MARKERS[(i + again) % len(MARKERS)], DASHES[(i + again) % len(DASHES)]", "MARKERS[i], DASHES[i]",
           "test_pictures::test_no_two_arms_look_alike"),
    Mutant("metrics.Metric.read",
           "-row.value if self.negated else row.value", "row.value",
           "test_untrained::test_stability_is_minus_the_barrier"),
    # --- verdicts and what is known of rows, to files and back ---
    Mutant("as_json.as_json",
           "field.required or getattr(value, field.name) != field.default()", "getattr(value, field.name) is not None",
           "test_files::test_verdicts_come_back_byte_for_byte"),
    Mutant("as_json.as_json",
           "if field.required or getattr(value, field.name) != field.default()", "",  # all that is empty is written too
           "test_files::test_what_is_known_of_rows_comes_back"),
    Mutant("as_json._each_field",
           "stored.get(field.name, field.name)", "field.name",
           "test_as_json::test_fields_stand_under_their_stored_names_without_defaults"),
    Mutant("verdicts.FloorVerdict.STORED_AS",
           ', "needed": "needed_pp"', "",
           "test_judge::test_the_file_keeps_its_names"),
    Mutant("verdicts.ClaimVerdict.deciding",
           "if not part.null_setting", "if part.null_setting",
           "test_summary::test_a_verdict_rests_on_one_part"),
    Mutant("verdicts.Verdicts.turned",
           "(verdict.version, verdict.round) == (before.version, before.round)", "True",
           "test_judge::test_an_amended_claim_does_not_turn"),
    Mutant("results.Results.values",
           'hundredths(self._table(claim, arm, metric, "density")', '(self._table(claim, arm, metric, "density")',
           "test_parts::test_the_metric_of_a_part_is_collected_and_shown"),
    # --- the lock: hash chain, content, next block ---
    Mutant("rounds.read_rounds",
           'if content["before"] != before:', 'if bool(content["before"]) != bool(before):',
           "test_lock::test_an_edited_entry_is_noticed"),
    Mutant("rounds.Round.seed",
           "if self.number else SUITE_SEED", "if self.seed_of else SUITE_SEED",
           "test_lock::test_a_seed_follows_from_what_was_locked"),
    Mutant("rounds.seed_from",
           "head[:16]", "head[:1]",
           "test_lock::test_a_seed_follows_from_what_was_locked"),
    Mutant("rounds._Open.closed_by",
           "if seed_of and line_hash", "if not seed_of and line_hash",
           "test_lock::test_rounds_of_another_branch_keep_their_seeds"),
    Mutant("rounds.moved_lines",
           "each.seed_of or each.head", "each.head",
           "test_lock::test_moved_rounds_can_be_moved_on"),
    Mutant("rounds._lines",
           '"before": before}))', '"before": ""}))',
           "test_lock::test_locking_only_appends"),
    Mutant("rounds.Locked.block",
           "range(self.first_replicate, self.first_replicate + self.replicates)", "range(self.replicates)",
           "test_lock::test_before_there_were_rounds_versions_took_blocks_of_one_seed"),
    Mutant("lock.Registry.find",
           "reversed(self.versions(claim.id, scale))", "self.versions(claim.id, scale)",
           "test_lock::test_what_a_lock_is_an_attempt_at"),
    Mutant("lock.Registry.family",
           "self.rounds[round].entries", "self.entries",
           "test_lock::test_a_family_is_what_a_round_holds"),
    Mutant("lock.Registry.alpha",
           "ALPHA / 2**before", "ALPHA",
           "test_lock::test_a_family_is_what_a_round_holds"),
    Mutant("lock.Registry.alpha",
           "self.rounds[:round]", "self.rounds[: round - 1]",
           "test_lock::test_a_family_is_what_a_round_holds"),
    Mutant("lock.Registry._attempt",
           "claim.version != version + 1", "claim.version <= version",
           "test_lock::test_versions_must_follow_each_other"),
    Mutant("lock.Registry._attempt_after",
           "compares_alike(last, text)", "True",
           "test_lock::test_what_a_lock_is_an_attempt_at"),
    Mutant("lock.Registry.attempt",
           "lineage[: lineage.index(entry)]", "lineage",
           "test_attempts::test_lineage_goes_through_every_name"),
    Mutant("lock.Registry.in_force",
           "(entry.version, entry.round)", "entry.round",
           "test_earlier::test_versions_go_on_after_a_rechain"),
    Mutant("lock.Registry._attempt",
           "max((e.version for e in earlier), default=0)", "earlier[-1].version if earlier else 0",
           "test_earlier::test_versions_go_on_after_a_rechain"),
    Mutant("lock.Registry.renamed",
           "entry.claim not in there and", "",
           "test_attempts::test_another_name_for_a_claim_that_is_gone_is_noticed"),
    Mutant("lock.Registry.lineage",
           "while len(ids) > found:", "for _ in range(1):",
           "test_attempts::test_lineage_goes_through_every_name"),
    Mutant("attempts._kind",
           "**kinds[name]", "",
           "test_attempts::test_a_kind_is_what_it_was_when_it_was_locked"),
    Mutant("attempts.compares_alike",
           "(*COMPARED, *meanings)", "COMPARED",
           "test_attempts::test_a_replication_compares_alike"),
    Mutant("standing.are_of",
           "ran == locked and", "",
           "test_earlier::test_rows_of_another_text_or_block_are_no_earlier_ones"),
    Mutant("standing.are_of",
           "results.meta.seed(entry.claim) == entry.suite_seed", "True",
           "test_earlier::test_rows_of_another_text_or_block_are_no_earlier_ones"),
    Mutant("standing.entry_of",
           "entry.suite_seed == seed", "True",
           "test_rounds::test_a_replication_leaves_its_first_family_as_it_was"),
    Mutant("judge.Bench.again",
           "rows is None or text is None", "text is None",
           "test_earlier::test_rows_of_another_text_or_block_are_no_earlier_ones"),
    Mutant("judge.Bench.earlier",
           "if not each.round}", "}",
           "test_earlier::test_verdicts_of_round_0_travel_as_they_were_printed"),
    Mutant("judge.Bench.decided",
           "for claim in exploratory or ():", "for claim in exploratory or self.catalogue.claims.values():",
           "test_rounds::test_exploratory_rows_move_no_other_claim"),
    Mutant("stated.Family.fair",
           "return self.round > 0", "return False",
           "test_rounds::test_what_sign_flip_cannot_check_is_said"),
    Mutant("judge.Bench.placed",
           "self.registry.next_round if entry is None", "0 if entry is None",
           "test_rounds::test_what_is_not_locked_is_judged_in_the_next_round"),
    Mutant("judge.Bench.family",
           "ids = self.registry.family(paper, self.scale, round_)", "ids = list(self.results.claims)",
           "test_report::test_a_locked_claim_without_rows_stays_in_the_family"),
    Mutant("verdicts.ClaimVerdict.in_short",
           "part = self.deciding", "part = self.parts[0]",
           "test_earlier::test_an_earlier_verdict_is_told_by_what_it_rests_on"),
    Mutant("earlier.earlier_rows",
           "and not are_of(entry, results)", "",
           "test_earlier::test_every_earlier_lock_is_kept"),
    Mutant("power.planned_needs",
           "MOST if kind.planned_for is None else MOST_PLANNED", "MOST",
           "test_power::test_no_difference_is_planned_half_way_to_the_margin"),
    Mutant("power.power_planned",
           "kind.planned_at if kind.planned_for is None else kind.planned_for", "kind.planned_at",
           "test_power::test_no_difference_is_planned_half_way_to_the_margin"),
    Mutant("locking._check_predictions",
           "power.at_bound < POWER", "False",
           "test_locking::test_no_difference_is_not_predicted_where_it_could_hardly_be_shown"),
    Mutant("locking._check_nulls",
           "if part.null_setting:", "if False:",
           "test_locking::test_a_null_setting_is_not_among_what_decides"),
    Mutant("comparisons.binds",
           "floor.lower < FAR * floor.needed", "floor.lower > FAR * floor.needed",
           "test_section::test_a_floor_far_below_does_not_bind"),
    Mutant("kinds.Kind.clears",
           "if self.floor else", "if self.floor > 0 else",
           "test_rule::test_no_gain_is_read_where_the_setting_works"),
    Mutant("two_way._mean_and_variance",
           "max(both, means_R.var(ddof=1) / R)", "both",
           "test_two_way::test_it_is_never_narrower_than_over_replicates"),
    Mutant("two_way._mean_and_variance",
           "(v_R * k_R + v_N * k_N + v_E) / M", "(v_R * k_R + v_E) / M",
           "test_two_way::test_it_covers_the_mean_over_both"),
    Mutant("collecting._correct",
           "both[0, tested], both[1, tested] = True, right", "both[0, tested], both[1, : len(tested)] = True, right",
           "test_fixed_test::test_answers_on_images_of_its_own_say_which_they_were"),
    Mutant("collecting._answered",
           "replicate.suite_seed != SUITE_SEED", "True",
           "test_fixed_test::test_round_0_and_other_inputs_have_no_answers"),
    Mutant("overall.over_all_papers",
           "adjusted[verdict.outcome is Outcome.REFUTED]", "adjusted[False]",
           "test_overall::test_holm_is_over_all_tested_claims_of_papers"),
    Mutant("overall.over_all_papers",
           "if id in judged else 1.0 for id in ids", "for id in judged",
           "test_overall::test_holm_is_over_all_tested_claims_of_papers"),
    Mutant("specifications._of",
           "bands = [part.band, *(", "bands = [*(",
           "test_specifications::test_every_band_and_step_is_read"),
    Mutant("specifications._read",
           "part.kind.keeps_side(mean, as_locked, part.bound)", "part.kind.keeps_side(mean, mean, part.bound)",
           "test_specifications::test_a_reading_that_points_the_other_way_says_so"),
    Mutant("samples.heterogeneity",
           "(1 + 2 * (k - 2) * spread / (k**2 - 1))", "1",
           "test_samples::test_of_three_samples_it_is_welchs_analysis_of_variance"),
    Mutant("samples.pooled",
           "+ each.n * (each.mean - mean) ** 2", "",
           "test_samples::test_pooled_is_what_all_values_give"),
    Mutant("lock.Registry._as_locked",
           "told = (entry.digest,", "told = (claim.digest(scale),",
           "test_lock::test_a_change_of_round_0_shows"),
    Mutant("lock.Registry._as_locked",
           "== entry.digest", "== entry.digest or entry.attempt",
           "test_lock::test_a_change_after_the_lock_shows"),
    Mutant("standing._differs",
           "if entry.replicates and seed != entry.suite_seed:", "if False:",
           "test_rounds::test_rows_on_another_seed_are_exploratory"),
    Mutant("elsewhere._unlike",
           "if not verdict.is_confirmatory:", "if False:",
           "test_elsewhere::test_other_replicates_or_settings_are_left_out_and_the_reason_is_told"),
    Mutant("elsewhere._unlike",
           '(("", other), ("the report\'s own rows are exploratory: ", mine))', '(("", other),)',
           "test_elsewhere::test_rows_of_another_design_are_left_out"),
    Mutant("elsewhere._unlike",
           "if (mine.version, mine.round) != (other.version, other.round):", "if mine.version != other.version:",
           "test_elsewhere::test_another_round_is_left_out"),
    Mutant("elsewhere._unlike",
           "_records(results, id) & _records(rerun.results, id)", "set()",
           "test_elsewhere::test_the_reports_own_rows_are_no_second_run"),
    Mutant("elsewhere._digests",
           "*zip(known.replicates, known.digests, strict=False),", "",
           "test_elsewhere::test_equal_digests_are_one_piece_of_evidence"),
    Mutant("elsewhere.Repeat.lost",
           "self.committed.outcome in DECIDED and", "",
           "test_elsewhere::test_an_undecided_claim_stays_open_both_times"),
    Mutant("elsewhere.Repeated.same",
           "if all(", "if any(",
           "test_elsewhere::test_a_claim_has_the_same_word_only_where_all_machines_gave_it"),
    Mutant("elsewhere.read_rows_elsewhere",
           "if id in results.claims and known.replicates", "",
           "test_elsewhere::test_reruns_are_read_by_their_folders"),
    Mutant("elsewhere.read_rows_elsewhere",
           "rows.meta.scale != results.meta.scale", "False",
           "test_elsewhere::test_rows_of_another_scale_are_refused"),
    Mutant("running._require_rerun",
           "session.quick or session.variant or session.replicates is not None", "session.quick",
           "test_session::test_only_what_the_report_has_rows_of_is_kept_as_a_rerun"),
    Mutant("running._require_rerun",
           "if claim.id not in known", "if False",
           "test_session::test_only_what_the_report_has_rows_of_is_kept_as_a_rerun"),
    Mutant("bias.bias",
           'pairs = pairs[pairs["record_a"] != pairs["record_b"]]', "pass",
           "test_bias::test_what_was_computed_once_is_no_comparison"),
    Mutant("bias.bias",
           'clustered_interval(pairs["apart"], replicate)', 'clustered_interval(pairs["apart"], range(len(pairs)))',
           "test_bias::test_the_interval_takes_replicates_as_independent_and_nothing_else"),
    Mutant("bias._trainings",
           ".drop_duplicates(TRAINING)", "",
           "test_bias::test_a_training_counts_once_however_many_claims_read_it"),
    Mutant("bias._pooled",
           'len(pairs) - key.nunique()', "len(pairs) - 1",
           "test_bias::test_the_spread_is_compared_with_that_between_replicates"),
    Mutant("bias._pooled",
           '.groupby(key).transform("mean")', ".mean()",
           "test_bias::test_the_spread_is_compared_with_that_between_replicates"),
    Mutant("many.decide_many",
           "np.where(flip == t, t, np.int8(0))", "t",
           "test_many::test_every_outcome_is_that_of_one_sample"),
    Mutant("many.decide_many",
           "held.claims * claim.parts", "held.claims",
           "test_many::test_every_outcome_is_that_of_one_sample"),
    Mutant("many.decide_many",
           "np.where(decidable[name], getattr(claim, what), 1.0)", "getattr(claim, what)",
           "test_many::test_a_claim_without_spread_is_not_decided"),
    Mutant("many._Tested.spared",
           "& self.part.cleared", "",
           "test_many::test_every_outcome_is_that_of_one_sample"),
    Mutant("many.assess_many",
           "len(p) * _smallest(p)", "_smallest(p)",
           "test_many::test_every_outcome_is_that_of_one_sample"),
    Mutant("many._Tested._flip",
           "<= tie", "< -tie",
           "test_many::test_every_outcome_is_that_of_one_sample"),
    Mutant("reruns.Shift.spread",
           "max(self.sd, self.rounding)", "self.sd",
           "test_reruns::test_a_jolted_pass_widens_what_chance_explains"),
    Mutant("rounding.moves",
           "places = [known.index(replicate) for replicate in fresh.replicates(claim.id)]",
           "places = list(range(len(fresh.replicates(claim.id))))",
           "test_rounding"),
    Mutant("rounding.spreads_by_mean",
           "designs.get(each.claim) == each.digest", "each.claim in designs",
           "test_rounding::test_a_spread_belongs_to_its_design"),
    Mutant("rounding._comparable",
           "committed.meta.seed(id) == jolted.meta.seed(id)", "True",
           "test_rounding::test_rows_of_another_design_or_other_replicates_give_no_spread"),
    Mutant("rounding.write_spreads",
           "if each.claim not in again", "if False",
           "test_rounding::test_the_file_keeps_the_claims_that_a_pass_leaves_out"),
    Mutant("losses.Losses.too_many",
           "len(self.lost) > self.most", "len(self.lost) > self.most + 6",
           "test_losses::test_every_claim_inconclusive_is_more_than_rounding_does"),
    Mutant("losses.Losses.explained",
           "not self.too_many and not any(each.unexplained for each in self.lost)", "not self.too_many",
           "test_losses::test_a_turn_is_red_where_rounding_seldom_does_it"),
    Mutant("losses.losses",
           "if each.sum() <= turned[id].sum()", "if True",
           "test_losses::test_a_turn_is_red_where_rounding_seldom_does_it"),
    Mutant("losses.losses",
           "_with(committed, fresh, found.claims)", "fresh",
           "test_losses::test_a_run_of_one_claim_is_judged_in_its_whole_family"),
    Mutant("losses.losses",
           "spread |= {mean", "spread = spread or {mean",
           "test_losses::test_every_claim_inconclusive_is_more_than_rounding_does"),
    Mutant("losses.moved_by",
           "sd**2 * df / rng.chisquare(df, (draws, 1))", "sd**2 * np.ones((draws, 1))",
           "test_losses::test_the_spread_of_a_pass_is_uncertain"),
    Mutant("losses.moved_by",
           "x_R + renewed_D1 * (true_D1 - x_R) + own_D1", "x_R + np.sqrt(moved_D1)",
           "test_losses::test_differences_computed_again_are_as_far_apart_as_before"),
    Mutant("losses.moved_by",
           "mean + np.sqrt(variance / n) * rng.standard_normal((draws, 1))", "mean",
           "test_losses::test_differences_computed_again_are_as_far_apart_as_before"),
    Mutant("losses._many",
           "all(floor.beaten for floor in result.floors)", "True",
           "test_losses::test_a_floor_that_is_not_beaten_stays_so"),
    Mutant("reruns._limited",
           "max(half, t_critical(n, alpha) * error)", "half",
           "test_reruns::test_a_run_is_seldom_red_wrongly"),
    Mutant("reruns.with_limits",
           "FALSE_ALARM / (2 * len(every))", "FALSE_ALARM",
           "test_reruns::test_a_visible_shift_is_seen test_reruns::test_a_run_is_seldom_red_wrongly"),
    Mutant("reruns.rerun",
           'pairs["claim"].isin(same)', 'pairs["claim"].isin(ids)',
           "test_reruns::test_on_the_same_machine_any_other_number_is_red"),
    Mutant("reruns.rerun",
           "if not all(digests[id]) and id not in set(apart[\"claim\"])", "if False",
           "test_reruns::test_a_digest_alone_is_another_number"),
    Mutant("results._with_digests_apart",
           "digest_of(outs[id, replicate])", "digest_of(outs[id, 0])",
           "test_files::test_rows_of_the_format_before_have_their_digests_by_replicate"),
    Mutant("results.digest_of",
           "sorted(set(outs))", "list(outs)",
           "test_files::test_a_digest_is_of_what_was_computed_in_whatever_order"),
    Mutant("collecting._digests",
           "(key, entry.out) for", "(key, key) for",
           "test_files::test_rows_of_the_format_before_have_their_digests_by_replicate"),
    Mutant("reruns._both",
           "committed.meta.seed(id) == fresh.meta.seed(id)", "True",
           "test_reruns::test_only_the_same_replicates_of_the_same_claim_are_compared"),
    Mutant("verifying.Verified.as_recorded",
           "rows = self.rerun is None or self.rerun.as_committed", "rows = True",
           "test_example::test_forged_rows_are_status_1"),
    Mutant("clustered.clustered_interval",
           "np.bincount(index_N, weights=value_N - mean)", "value_N - mean",
           "test_clustered"),
    Mutant("clustered.clustered_interval",
           "effective / (effective - 1)", "1.0",
           "test_clustered::test_clusters_of_one_size_give_students_interval_of_their_means"),
    Mutant("clustered.clustered_interval",
           "t_quantile(effective - 1,", "t_quantile(len(names) - 1,",
           "test_clustered::test_it_covers_whatever_values_of_a_cluster_share"),
    Mutant("verifying.Verified.as_recorded",
           "self.losses.explained and ", "",
           "test_verifying::test_more_losses_than_rounding_explains_are_red"),
    Mutant("verifying.Verified.unexplained",
           "each.turned and not each.unexplained", "each.turned",
           "test_verifying::test_a_turn_is_red_but_where_rounding_turns_it"),
    Mutant("paired.prediction_interval",
           "(1 / n + 1 / further) **", "(2 / n) **",
           "test_paired::test_a_fresh_mean_lies_where_it_is_predicted"),
    Mutant("from_paper.Published.belongs_to",
           "return part.band is None", "return True",
           "test_from_paper::test_a_number_without_a_density_is_of_no_band"),
    Mutant("check._check_printed",
           "if not any(", "if not list(",
           "test_from_paper::test_a_number_that_belongs_nowhere_is_refused"),
    Mutant("printed.expected",
           "or not each.same_task(part, design)", "",
           "test_differences::test_the_interval_about_the_star_is_of_our_data"),
    Mutant("printed._compared",
           "found.lower <= each.value <= found.upper", "each.value >= found.lower",
           "test_words::test_a_number_on_the_papers_data_is_compared"),
    Mutant("hypothesis._asserted",
           "part.kind.floor_needed(part.bound)", "part.bound",
           "test_words::test_a_hypothesis_reads_as_a_sentence"),
    Mutant("differences._share_scales",
           "_wide(row) * FLATTENED >= _wide(left[0])", "_wide(row) >= 0",
           "test_differences::test_what_a_common_scale_would_flatten_has_its_own"),
    Mutant("differences._draw",
           "mfc=INK if same", "mfc=INK if each",
           "test_differences::test_the_papers_number_is_filled_on_the_papers_data"),
    Mutant("svg.styled",
           "mpl.rcdefaults()", "mpl.rcParams.copy()",
           "test_svg::test_a_users_settings_change_no_byte"),
    Mutant("svg.as_svg",
           "_numbered(_rounded(out.getvalue()))", "_rounded(out.getvalue())",
           "test_svg::test_ids_do_not_follow_digits_that_are_not_printed"),
    Mutant("notation.kept",
           "exact.quantize(unit, ROUND_HALF_UP)", "exact.quantize(unit)",
           "test_summary::test_a_density_is_the_same_everywhere"),
    Mutant("comparisons._alone",
           "result.sd == 0", "result.n == 0",
           "test_section::test_what_has_no_spread_says_so"),
    Mutant("from_paper.Published.belongs_to",
           "all(self._apart", "any(self._apart",
           "test_from_paper::test_a_number_belongs_to_what_it_is_of"),
    Mutant("scoreboard._first",
           "(*verdict.earlier, verdict)[0]", "verdict",
           "test_scoreboard::test_a_claim_that_was_amended_counts_by_its_first_version"),
    Mutant("scoreboard._counted",
           "sum(map(bool, of))", "sum(map(len, of))",
           "test_scoreboard::test_claims_of_the_same_numbers_are_one_finding"),
    Mutant("verdicts.ClaimVerdict.deciding",
           "parts = tuple(part for part in parts if part.alone.qualifier) or parts", "pass",
           "test_judge::test_a_reproduced_claim_rests_on_what_qualifies_it"),
    Mutant("comparisons._margin",
           "reach - result.mean", "-result.mean",
           "test_section::test_the_smallest_margin_is_where_the_test_turns"),
    Mutant("comparisons._alone",
           "result.upper < 0", "result.lower < 0",
           "test_section::test_what_is_worse_within_its_margin_says_so"),
    Mutant("locking._check_margins",
           "part.bound > most", "part.bound > 2 * most",
           "test_locking::test_a_margin_beyond_what_is_of_interest_is_not_locked"),
    Mutant("locking._checked",
           "count < FEWEST_LOCKED", "count < 5",
           "test_locking::test_fewer_than_eight_replicates_are_not_locked"),
    Mutant("parts.asserts",
           "min(on.sesoi_pp, on.margin_pp)", "on.margin_pp",
           "test_locking::test_a_margin_beyond_what_is_of_interest_is_not_locked"),
    Mutant("power.Held.checks",
           "2.0 ** (2 - n)", "2.0 ** (1 - n)",
           "test_rule::test_sign_flip_has_a_say_where_it_could_still_agree"),
    Mutant("rule._without_one",
           "without * step <= held.alpha", "without <= held.alpha",
           "test_rule::test_the_level_of_a_claims_step_holds_without_one_replicate"),
    Mutant("assessment.PartResult.without_one",
           "return max(p(x, self.bound, Decision.T)", "return min(p(x, self.bound, Decision.T)",
           "test_rule::test_leaving_one_out_is_each_replicate_in_turn"),
    Mutant("chain._history",
           "if not text.startswith(before):", "if not text:",
           "test_chain::test_an_end_that_was_cut_off_is_noticed"),
    Mutant("claim.Claim.locked_content",
           "sorted(node.key for node in nodes)", "len(nodes)",
           "test_lock::test_a_change_after_the_lock_shows"),
    Mutant("claim.Claim.locked_content",
           "[_plain(part) for part in design.parts]", "[part.name for part in design.parts]",
           "test_lock::test_a_change_after_the_lock_shows"),
    Mutant("claim.Claim.locked_content",
           "[_plain(part) for part in design.beside]", "[]",
           "test_lock::test_a_change_after_the_lock_shows"),
    Mutant("claim._plain",
           " if getattr(part, f.name) != f.default", "",
           "test_registry_entries::test_a_field_of_a_part_at_its_default_is_not_hashed"),
    Mutant("claim._plain",
           "HASHED_AS.get(f.name, f.name): getattr(part, f.name)", "f.name: getattr(part, f.name)",
           "test_registry_entries::test_a_part_is_hashed_under_the_names_it_was_locked_under"),
    Mutant("claim._plain_value",
           "asdict(value) if is_dataclass(value)", "[*asdict(value).values()] if is_dataclass(value)",
           "test_registry_entries::test_every_claim_is_what_was_locked"),
    # --- the store: seal, sizes, the rename, the newest counts ---
    Mutant("records.read_record",
           'content.get("seal") != _seal(content)', 'not content.get("seal")',
           "test_records::test_a_bad_record_is_set_aside_and_computed_again"),
    Mutant("records.read_record",
           "size != expected.size", "size > expected.size",
           "test_records::test_a_bad_record_is_set_aside_and_computed_again"),
    Mutant("records.read_record",
           "(small or thorough)", "thorough",
           "test_records::test_a_bad_record_is_set_aside_and_computed_again"),
    Mutant("store.Writer._place",
           'self.store.path / "partial" / name', 'self.store.path / "records" / name',  # written in place
           "test_store::test_a_fault_leaves_a_whole_record_or_none"),
    Mutant("store.Writer._place",
           "number = 1 + max(", "number = 1 + min(",
           "test_store::test_a_fault_leaves_a_whole_record_or_none"),
    Mutant("store.Writer.__enter__",
           'FileLock(path / "lock")', 'FileLock(path / f"lock-{os.getpid()}")',
           "test_store::test_a_second_writer_is_refused_with_the_holder_s_name"),
    Mutant("store.Store.refresh",
           "sorted(folder.iterdir())", "sorted(folder.iterdir(), reverse=True)",  # the oldest counts
           "test_store::test_newest_record_of_a_unit_counts"),
    Mutant("store.Store.array",
           "digest(array) != entry.outs[slot]", "len(array) != size",
           "test_store::test_an_array_with_another_digest_is_never_used"),
    Mutant("records.write_record",
           "ins=dict(member.ins)", "ins={}",
           "test_records::test_what_is_stored_comes_back"),
    # --- lineage: what was consumed, what was produced ---
    Mutant("plan.Plan._reason",
           "if now != then:", 'if then == "nothing":',
           "test_plan::test_a_parent_stored_again_with_another_digest_makes_descendants_due"),
    Mutant("plan.Plan.reasons",
           "if not lineage_holds:", "if reason == NEVER:",  # grandchildren do not wait
           "test_plan::test_what_comes_of_a_descendant_waits_for_it"),
    Mutant("plan.Plan._reason",
           "if missing:", "if missing and entry.ins:",
           "test_plan::test_a_snapshot_wanted_later_makes_only_its_parent_due"),
    Mutant("plan.Plan.pack",
           " | set(self._kept_before(unit))", "",
           "test_plan::test_snapshots_kept_before_are_kept_again"),
    Mutant("plan.Plan._reason",
           "in consumed(unit.node)", "in consumed(unit.node)[:1]",
           "test_plan::test_either_of_two_things_consumed_is_watched"),
    Mutant("plan.Plan.ready",
           "if not reasons[name] or name in running:", "if not reasons[name]:",
           "test_plan::test_running_units_and_their_children_are_not_ready"),
    # --- learning rates of members, captured steps ---
    Mutant("updates.Updates._update",
           "rate.copy_(now)", "rate.copy_(rates_G[0])",  # all members at the first one's rate
           "test_capture::test_members_of_other_learning_rates_equal_those_alone"),
    Mutant("updates.Updates._update",
           "self.loss_R.copy_(loss_R.detach())", "self.loss_R.copy_(loss_R.detach()); float(loss_R[0])",
           "test_capture::test_neither_an_update_nor_an_evaluation_waits_for_the_device"),
    Mutant("stack._top_unasked",
           "magnitude_RN >= threshold_R1, magnitude_RN", "magnitude_RN >= threshold_R1, magnitude_RN * 0",
           "test_capture::test_the_choice_that_never_waits_is_the_same"),
    Mutant("recipe.Recipe.without_rates",
           "replace(self.with_lr(1.0), schedule=Constant())", "self.with_lr(1.0)",
           "test_capture::test_programs_of_other_rates_pack_and_others_do_not"),
    # --- dropout, penalties, metrics ---
    Mutant("noise.Noise.dropped",
           "self._layers += 1", "pass",  # all layers drop alike
           "test_noise::test_the_stated_share_is_dropped_and_the_mean_stays"),
    Mutant("noise.Noise.dropped",
           ".mul_(1 / (1 - rate))", "",
           "test_noise::test_the_stated_share_is_dropped_and_the_mean_stays"),
    Mutant("updates.Updates._update",
           "self._first + self._at)", "self._first)",  # every step of a chunk drops alike
           "test_noise::test_a_chunk_s_steps_drop_differently"),
    Mutant("stack.Stack.penalise",
           "self.learned_RP.sign(), self._prunable_1P", "self.learned_RP, self._prunable_1P",
           "test_noise::test_penalties_are_those_of_the_stated_loss"),
    Mutant("metrics.Metric.read",
           "math.log(value) if self.log", "value if self.log",
           "test_parts::test_steps_are_compared_by_their_ratio"),
    # --- checkpoints and limits ---
    Mutant("course._Course._restore",
           'if kind == "optimiser":', "if False:",
           "test_checkpoints::test_resumed_equals_uninterrupted"),
    Mutant("measuring.EarlyStop.restore_state",
           'torch.from_numpy(state["best"])', 'torch.full((len(state["best"]),), torch.inf).double()',
           "test_checkpoints::test_resumed_equals_uninterrupted"),
    Mutant("checkpoints.CheckpointSaver.load",
           ' or meta["made_with"] != dict(made_with)', "",
           "test_checkpoints::test_a_checkpoint_that_cannot_be_trusted_is_ignored"),
    Mutant("run._resumable",
           "if checkpoint_name(plan.pack(units)) == each.name:", "if True:",
           "test_limit::test_a_checkpoint_of_what_was_made_from_something_else_is_not_used"),
    Mutant("plan.Plan.population_size",
           "min(most, by_limit)", "most",
           "test_limit::test_a_population_is_as_large_as_the_time_allows"),
    Mutant("merge._merge_record",
           "elif slot := _differing(writer.store, before, theirs, entry):", "elif slot := '':",
           "test_merge::test_a_conflict_names_both_and_overwrites_nothing"),
    Mutant("records.copy_record",
           "wall_s=round(seconds, 3)", "wall_s=whole.provenance.wall_s",
           "test_merge::test_of_a_record_that_is_partly_there_the_rest_is_copied"),
    # --- what is measured without training ---
    Mutant("untrained._path",
           "add_(b_RP, alpha=t)", "add_(b_RP, alpha=1 - t)",
           "test_untrained::test_the_ends_of_a_path_are_the_two_trainings"),
    Mutant("untrained._path",
           "i / (points - 1)", "i / points",  # never at the other end
           "test_untrained::test_the_ends_of_a_path_are_the_two_trainings"),
    Mutant("untrained._path",
           "(error_TR[0] + error_TR[-1]) / 2", "error_TR[0]",
           "test_untrained::test_barrier_and_distance_are_what_they_say"),
    Mutant("untrained._path",
           "torch.where(diverged_R, 1 - program.task.chance, barrier_R)", "barrier_R",  # a flat path of chance
           "test_untrained::test_no_path_leads_to_a_copy_that_diverged"),
    Mutant("untrained._path",
           "bad[0] | bad[-1]", "bad[0]",
           "test_untrained::test_no_path_leads_to_a_copy_that_diverged"),
    Mutant("untrained._distances",
           "population.program.network.prunable().values()", "population.program.network.tensors()",  # biases too
           "test_untrained::test_barrier_and_distance_are_what_they_say"),
    Mutant("untrained._accuracies",
           "accuracy_R - test_R", "accuracy_R",
           "test_untrained::test_train_accuracy_is_that_on_the_training_images"),
    Mutant("tasks.trained_on",
           '["train"]', '["validation"]',
           "test_untrained::test_training_examples_are_as_many_as_are_said"),
    Mutant("inputs.Inputs.member",
           "node.ends.values(self, network)", "node.begins.values(self, network)",
           "test_untrained::test_a_path_waits_for_both_copies_and_is_due_when_either_changes"),
    Mutant("nodes.parents",
           "for f in fields(cast(Any, node)))", "for f in fields(cast(Any, node))[:3])",
           "test_untrained::test_a_path_waits_for_both_copies_and_is_due_when_either_changes"),
    Mutant("measurements.between",
           "if one != other:", "if one < other:",
           "test_untrained::test_paths_that_measure_nothing_are_refused"),
    Mutant("check.differences",
           'yield from _differing_ends(a.b, b.b, "b")', "pass",
           "test_untrained::test_paths_differ_in_what_their_trainings_differ_in"),
    Mutant("check._alike",
           "return all(_covered(field", "return any(_covered(field",
           "test_check::test_arms_that_cannot_be_compared_are_refused"),
    Mutant("check._alike",
           "& {node.key for node in others}", "- {node.key for node in together}",
           "test_check::test_arms_that_cannot_be_compared_are_refused"),
    Mutant("running.run_within",
           "if ran.left is not None:", "if False:",
           "test_limit::test_the_command_says_how_to_go_on"),
    Mutant("judging.differences",
           "results.differences(chosen.id, part)", "results.read(chosen.id, part.arm, part)",
           "test_python_page::test_the_page_runs_from_top_to_bottom"),
    Mutant("check._check_part",
           "if not measures(node, metric(part.metric).source):", "if False:",
           "test_untrained::test_a_part_is_refused_where_its_metric_is_not_measured"),
    Mutant("nodes.rebuilt",
           "= moment(value)", "= value",
           "test_untrained::test_paths_and_magnitudes_are_rewritten_with_their_trainings"),
    Mutant("nodes.rebuilt",
           "tuple(changed(each) for each in value)", "value",
           "test_nodes::test_nodes_in_a_tuple_are_parents"),
    Mutant("measurements.Between.asked",
           "(Split.TEST,) * self.points", "(Split.TEST,)",
           "test_flops::test_the_count_is_what_torch_counts"),
    Mutant("survivors.magnitude_rows",
           "(magnitude * kept).sum() / survivors", "magnitude[kept].max(initial=0)",
           "test_untrained::test_magnitudes_of_a_layer_counted_by_hand"),
    Mutant("survivors.magnitude_rows",
           "largest(-magnitude,", "largest(magnitude,",
           "test_untrained::test_survivors_like_the_others_have_ratio_one_and_a_fifth_near_zero"),
    Mutant("survivors.magnitude_rows",
           "magnitude[kept] / scale", "magnitude[kept]",
           "test_untrained::test_magnitudes_of_a_layer_counted_by_hand"),
    # --- accounts ---
    Mutant("flops.training_flops",
           "6 * every - 2 * of_first", "6 * every",
           "test_flops::test_the_count_is_what_torch_counts"),
    Mutant("flops.evaluation_flops",
           " + (recipe.steps % every > 0)", "",
           "test_flops::test_evaluations_are_counted_as_the_engine_makes_them"),
    # --- the early stop, variants, part kinds ---
    Mutant("measuring.EarlyStop.see",
           "loss_R < self._best_R", "loss_R > -self._best_R",  # the last step is always best
           "test_training::test_early_stop_accuracy_is_that_of_a_training_stopped_there"),
    Mutant("course._Course.finish",
           "self.early.restore()", "pass",
           "test_training::test_early_stop_accuracy_is_that_of_a_training_stopped_there"),
    Mutant("machine.arithmetic",
           'numerics == "bfloat16"', "not numerics",
           "test_training::test_bfloat16_rounds_products_and_keeps_float32_weights"),
    Mutant("nodes.rebuilt",
           "return recipe(value)", "return value if len(made) else recipe(value)",  # the first one's only
           "test_variants::test_a_variant_changes_every_recipe_and_nothing_else"),
    Mutant("robustness._current",
           "known is not None and known.digest == results.claims[claim.id].digest", "known is not None",
           "test_robustness::test_variants_of_another_version_say_nothing"),
    Mutant("results.Results.differences",
           "one - other[0] if other else one", "one",
           "test_parts"),
    # --- the seed-variance check ---
    Mutant("tiers.drawn",
           "_digest(place[batches.images])", "_digest(batches.images)",  # an order shared across splits goes unseen
           "test_watch::test_a_fresh_replicate_that_repeats_another_is_named"),
    Mutant("tiers.identity",
           "if node.key != baseline.key:", "if not node.key:",
           "test_watch::test_a_changed_recipe_is_named_by_its_key"),
    Mutant("tiers._wrong_counts",
           "if count != expected:", "if count < expected:",
           "test_watch::test_a_mask_off_by_one_weight_is_named_by_identity"),
    Mutant("tiers._first_losses",
           "~(apart <= accepted.tolerance)", "apart > 1",
           "test_watch::test_a_higher_learning_rate_is_named_by_the_trajectory"),
    Mutant("tiers.trajectory",
           "if now != was:", "if not now:",
           "test_watch::test_rounding_alone_leaves_first_losses_within_tolerance"),
    Mutant("tiers.calibrate",
           "min(ROOM * low, ", "min(low, ",
           "test_watch::test_tolerance_lies_between_noise_and_signal"),
    Mutant("tiers.confirmed",
           "if again.status is Status.RED:", "if again.status:",  # one look is enough
           "test_watch::test_a_first_look_that_is_not_confirmed_warns"),
    Mutant("watch.check_variance",
           "skip=variance.WEIGHTS)", "skip=0)",  # replicates of the baseline count as fresh
           "test_watch::test_findings_give_their_figures"),
    Mutant("jolt.jolted",
           "np.where(x_F == 0, x_F, np.nextafter(x_F, towards.astype(np.float32)))",
           "np.nextafter(x_F, towards.astype(np.float32))",
           "test_jolt"),
    Mutant("inputs.Inputs.member",
           "jolted(recipe.jolt)(member) if recipe is not None and recipe.jolt else member", "member",
           "test_plan::test_a_jolt_reaches_the_member"),
    Mutant("retrained.Retrained._difference",
           "mine[step] != theirs.get(step)", "mine[step] is None",
           "test_watch::test_a_reduction_in_another_order_is_named_by_the_repeat"),
    Mutant("baselines.read_baseline",
           'content.pop("seal", None) != _seal(content)', 'content.pop("seal", None) == ""',
           "test_watch::test_a_baseline_that_is_not_what_was_accepted_is_refused"),
    Mutant("baselines.keep_baseline",
           "file.rename(kept)", "kept.touch()",
           "test_watch::test_a_new_baseline_keeps_the_old_one"),
    Mutant("acceptance.location",
           "abs(difference) > max(half, margin)", "abs(difference) > half",
           "test_acceptance"),
    Mutant("acceptance.spread",
           "red=rejected and gates", "red=rejected",
           "test_acceptance"),
    Mutant("acceptance.spread_fails",
           "by_f & (", "by_f | (",
           "test_alarms"),
    Mutant("controls.equal_arms",
           "t_greater(sample + effect, null=0)", "t_greater(sample, null=0)",
           "test_controls::test_equal_arms_pass"),
    # --- the plan: power in the family that will be, and what is shared ---
    Mutant("deciding.family",
           "registry.family(claim.paper, scale, round_)", "[]",
           "test_power::test_power_is_planned_for_the_family_that_will_be"),
    Mutant("deciding.family",
           "not each.design(scale).exact and ", "",
           "test_power::test_power_is_planned_for_the_family_that_will_be"),
    Mutant("deciding.family",
           " and registry.find(each, scale) is None", "",
           "test_power::test_power_is_planned_for_the_family_that_will_be"),
    Mutant("planning.totals",
           "sum(len(unit.wanted_by) for unit in plan.units.values())", "len(plan.units)",
           "test_plan::test_totals_say_what_claims_share_and_what_is_left"),
    # --- keys: defaults stay out, everything else goes in ---
    Mutant("keys._fields",
           "default is dataclasses.MISSING or given != default", "name",
           "test_expression::test_fields_at_their_defaults_do_not_enter"),
    Mutant("keys._fields",
           '{"is": type(value).__name__}', "{}",
           "test_expression::test_whatever_changes_the_numbers_changes_the_key"),
    Mutant("keys.Keyed.__post_init__",
           "sort_keys=True", "sort_keys=False",
           "test_keys::test_every_key_is_as_pinned"),
    Mutant("keys._fields",
           "described[name]", 'described[name.rstrip("s")]',
           "test_keys::test_committed_results_are_of_the_designs_as_they_are"),
    Mutant("keys._canonical",
           "return str(value)", "return float(value)",  # not two densities of a design share it
           "test_keys::test_every_key_is_as_pinned"),
    Mutant("pruning.ShuffledMask.draw",
           "default=0, metadata=DRAW", "default=1, metadata=DRAW",
           "test_keys::test_classes_are_hashed_under_their_names_with_their_fields_and_defaults"),
    Mutant("recipe.SGD.momentum",
           "momentum: float = 0.0", "momentum: float = 0.9",
           "test_keys::test_classes_are_hashed_under_their_names_with_their_fields_and_defaults"),
    Mutant("trainings.train",
           "in (streams or {}).items() if draw)", "in (streams or {}).items())",
           "test_expression::test_fields_at_their_defaults_do_not_enter"),
)
# fmt: on


def mutate(source: str, mutant: Mutant) -> str:
    """Return `source` with the mutant's line broken; raises MovedError unless `before` stands once in the function."""
    lines = source.splitlines(keepends=True)
    found = [node for name, node in _defined(source) if name == mutant.function]
    if len(found) != 1:
        raise MovedError(f"{mutant.name}: defined {len(found)} times: update the table in tests/mutants.py")
    first, last = found[0].lineno - 1, found[0].end_lineno
    text = "".join(lines[first:last])
    if text.count(mutant.before) != 1:
        raise MovedError(
            f"{mutant.name}: {mutant.before!r} stands there {text.count(mutant.before)} times, "
            "expected was once. The line moved: update the table in tests/mutants.py"
        )
    return "".join([*lines[:first], text.replace(mutant.before, mutant.after), *lines[last:]])


@cache
def _defined(source: str) -> list[tuple[str, ast.stmt]]:
    return list(_definitions(ast.parse(source).body))


def _definitions(body: Sequence[ast.stmt], outer: str = "") -> Iterable[tuple[str, ast.stmt]]:
    """Yield functions and assigned names with what defines them, those of classes qualified."""
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield outer + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{outer}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((outer + target.id, node) for target in targets if isinstance(target, ast.Name))


def select(names: Sequence[str]) -> list[Mutant]:
    """Return the mutants of these modules, classes or functions; all of them for no names."""
    for name in names:
        if not any(f"{mutant.name}.".startswith(f"{name}.") for mutant in MUTANTS):
            raise MovedError(f"no mutant is called {name!r}; there are {', '.join(sorted({m.name for m in MUTANTS}))}")
    return [m for m in MUTANTS if not names or any(f"{m.name}.".startswith(f"{name}.") for name in names)]


def by_file(mutants: Iterable[Mutant]) -> list[list[str]]:
    """Return all tests that the mutants name, each once, those of one file together."""
    files: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for mutant in mutants:
        for test in mutant.tests.split():
            files[test.partition("::")[0]][test] = None
    return [[file] if file in tests else list(tests) for file, tests in files.items()]


def verdict(status: int | None, output: str) -> tuple[str, str]:
    """Return who noticed and what went wrong, one of them empty, from pytest's exit status (None: it hung)."""
    if status is None:
        return f"timeout after {LIMIT_S:g} s", ""
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    if status == 1 and failed:
        return failed[1], ""
    if status == 0:
        return "", "survived"
    return "", f"shows nothing: pytest ended with status {status}"  # nothing collected, or an import that fails


def run_tests(copy: Path, tests: Sequence[str], *, bytecode: bool) -> tuple[int | None, str]:
    """Run tests in a copy; returns pytest's exit status, None for a hang, and its output.

    Only runs of the unbroken copy may leave bytecode, so that no mutant's is ever taken for another's.
    """
    options = ("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")
    environment = {**_environment(copy), "PYTHONDONTWRITEBYTECODE": "" if bytecode else "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        shutil.rmtree(copy / ".hypothesis", ignore_errors=True)  # one mutant's counterexamples are no help to the next
    return done.returncode, done.stdout


def _environment(copy: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}


def make_copy(folder: Path) -> Path:
    """Copy what tests need to `folder`, and make sure that a Python started there imports the copy."""
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "scratch"))
        else:
            shutil.copy2(source, folder / name)
    line = [sys.executable, "-c", "import harness; print(harness.__file__)"]
    asked = subprocess.run(line, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=True)
    assert Path(asked.stdout.strip()).is_relative_to(folder), f"tests would import {asked.stdout.strip()}"
    return folder


def attempt(mutant: Mutant, copies: SimpleQueue[Path]) -> Outcome:
    """Break one line in a free copy, run the mutant's tests, and mend it."""
    copy = copies.get()
    file = copy / mutant.file
    whole, times = file.read_text(), file.stat()
    began = time.perf_counter()
    try:
        file.write_text(mutate(whole, mutant))
        os.utime(file, (times.st_atime, times.st_mtime + 10))  # bytecode of the whole file is not taken for its own
        killed_by, fault = verdict(*run_tests(copy, mutant.given(), bytecode=False))
    finally:
        file.write_text(whole)
        os.utime(file, (times.st_atime, times.st_mtime))
        copies.put(copy)
    return Outcome(mutant, killed_by, fault, time.perf_counter() - began)


def unbroken(tests: Sequence[str], copies: SimpleQueue[Path]) -> str:
    """Run tests of one file on a whole copy; returns the output where they do not pass."""
    copy = copies.get()
    try:
        status, output = run_tests(copy, [located(test) for test in tests], bytecode=True)
    finally:
        copies.put(copy)
    return "" if status == 0 else output or f"{' '.join(tests)}: no end after {LIMIT_S:g} s"


def row(*cells: str) -> str:
    """Return one line of the table that is printed."""
    return "| " + " | ".join(cells) + " |"


def main(names: Sequence[str]) -> int:
    """Try the mutants, print a line for each and the totals; returns the exit status."""
    began = time.perf_counter()
    try:
        mutants = select(names)
        for mutant in mutants:
            mutate((ROOT / mutant.file).read_text(), mutant)
    except MovedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for place in range(PLACES):
            copies.put(make_copy(Path(folder).resolve() / str(place)))
        pool = ThreadPoolExecutor(PLACES)
        try:
            groups = by_file(mutants)
            failed = [output for output in pool.map(unbroken, groups, [copies] * len(groups)) if output]
            if failed:
                print(*failed, "error: tests fail with nothing broken, so they show nothing", sep="\n", file=sys.stderr)
                return 1
            print(f"{len(groups)} files of tests pass unbroken, {time.perf_counter() - began:.0f} s\n")
            print(row("function", "before", "after", "killed by", "s"))
            print(row(*["---"] * 5))
            outcomes = []
            for outcome in pool.map(attempt, mutants, [copies] * len(mutants)):
                m, said = outcome.mutant, outcome.killed_by or f"**{outcome.fault}**"
                change = (f"`{m.before}`", f"`{m.after}`")
                print(row(f"`{m.name}`", *change, said, f"{outcome.seconds:.1f}"), flush=True)
                outcomes.append(outcome)
        finally:
            pool.shutdown(cancel_futures=True)
    left = [outcome for outcome in outcomes if outcome.fault]
    print(f"\n{len(mutants) - len(left)} of {len(mutants)} mutants killed in {time.perf_counter() - began:.0f} s")
    for outcome in left:
        print(f"{outcome.mutant.name}, `{outcome.mutant.before}`: {outcome.fault}", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
