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
    """One broken line: `before` stands once in `function` of `file` and becomes `after`; `tests` should notice.

    `function` is qualified (``Store.array``) or names a constant of the module. `tests` are what pytest is given,
    separated by spaces.
    """

    file: str
    function: str
    before: str
    after: str
    tests: str

    @property
    def name(self) -> str:
        """How a command line names it: ``store.Store.array``."""
        return f"{Path(self.file).stem}.{self.function}"


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
    Mutant("harness/network.py", "round_half_up",
           "math.floor(x + Fraction(1, 2))", "round(x)",
           "tests/test_masks.py::test_rounding_is_half_up"),
    Mutant("harness/network.py", "kept_counts",
           "round_half_up(tensor.size * keep[layer])", "math.ceil(tensor.size * keep[layer])",
           "tests/test_masks.py::test_layers_keep_the_largest_of_what_is_alive"),
    Mutant("harness/masks.py", "largest",
           "np.flatnonzero(alive)", "np.arange(len(alive))",
           "tests/test_masks.py::test_a_removed_weight_never_comes_back"),
    Mutant("harness/masks.py", "largest",
           'np.argsort(-magnitudes[candidates], kind="stable")',
           'np.argsort(magnitudes[candidates], kind="stable")[::-1]',  # ties to the higher index
           "tests/test_masks.py::test_layers_keep_the_largest_of_what_is_alive"),
    Mutant("harness/masks.py", "prune_by_magnitude",
           "np.abs(weights[tensor.slice])", "weights[tensor.slice]",
           "tests/test_masks.py::test_layers_keep_the_largest_of_what_is_alive"),
    Mutant("harness/masks.py", "prune_by_magnitude",
           "alive[places]", "np.ones_like(alive[places])",
           "tests/test_masks.py::test_a_removed_weight_never_comes_back"),
    Mutant("harness/masks.py", "prune_by_magnitude",
           "for tensor in layers.values()", "for tensor in reversed(layers.values())",  # ties to the later layer
           "tests/test_masks.py::test_global_pruning_keeps_the_largest_of_all_layers"),
    Mutant("harness/masks.py", "random_bits",
           '"mask", draw', '"mask", 0',
           "tests/test_masks.py::test_random_masks_are_exact_and_differ_by_draw"),
    Mutant("harness/masks.py", "random_bits",
           "counter=i", "counter=0",  # layers of one size lose the same places
           "tests/test_masks.py::test_layers_of_one_size_lose_places_of_their_own"),
    Mutant("harness/masks.py", "learned_bits",
           "Scope.LAYER", "Scope.GLOBAL",
           "tests/test_masks.py::test_learned_mask_is_what_the_engine_uses"),
    Mutant("harness/masks.py", "prune_by_magnitude",
           "mask[tensor.slice] = alive[tensor.slice]", "mask[tensor.slice] = True",  # removed weights come back
           "tests/test_masks.py::test_layers_that_are_left_out_keep_what_they_had"),
    Mutant("harness/masks.py", "shuffled",
           "first=APART + i", "first=i",  # the places that a random mask of this draw has
           "tests/test_masks.py::test_a_shuffle_is_no_random_mask"),
    Mutant("harness/plan.py", "Plan._mask",
           "shuffled(network_of(mask), self._mask(mask.mask, replicate), replicate, mask.draw)",
           "self._mask(mask.mask, replicate)",
           "tests/test_plan.py::test_a_shuffled_mask_reaches_the_member"),
    Mutant("harness/masks.py", "in_deviations",
           "weights[tensor.slice][alive[tensor.slice]]", "weights[tensor.slice]",  # the deviation of what was removed
           "tests/test_masks.py::test_thresholds_are_one_quality_times_each_layer_s_deviation"),
    Mutant("harness/masks.py", "prune_units",
           "&= kept_O[:, None]", "&= True",  # a dropped unit's bias still feeds the next layer
           "tests/test_masks.py::test_dropped_units_feed_nothing"),
    Mutant("harness/masks.py", "prune_units",
           "np.asarray(alive_IO.any(0))", "np.ones(into.shape[1], np.bool_)",
           "tests/test_masks.py::test_a_dropped_unit_never_comes_back"),
    Mutant("harness/masks.py", "prune_units",
           ".sum(0)", ".max(0)",
           "tests/test_masks.py::test_units_with_the_largest_incoming_weights_stay"),
    Mutant("harness/network.py", "unit_weights",
           "inputs * outputs, outputs", "inputs * outputs, tensor.shape[1]",  # every unit before is still there
           "tests/test_masks.py::test_counts_of_units_are_exact"),
    Mutant("harness/expression/pruning.py", "_check_units",
           "0 < count <= left[layer]", "0 < count",
           "tests/test_masks.py::test_units_come_before_weights_and_do_not_come_back"),
    # --- pruning order: scope and chain ---
    Mutant("harness/expression/pruning.py", "prune",
           'Snapshot(source, "end")', "Snapshot(source, source.first_step)",
           "tests/test_expression.py::test_a_pruned_training_means_its_end"),
    Mutant("harness/expression/pruning.py", "prune",
           "density(node) > density(training.mask)", "density(node) > 1",
           "tests/test_expression.py::test_growing_density_is_refused"),
    Mutant("harness/expression/pruning.py", "prune",
           "after[layer] > before[layer]", "after[layer] > sum(before.values())",
           "tests/test_expression.py::test_a_growing_layer_is_refused"),
    Mutant("harness/expression/densities.py", "kept_in",
           "round_half_up(sum(sizes[name] for name in among) * mask.keep)",
           "int(sum(sizes[name] for name in among) * mask.keep)",
           "tests/test_masks.py::test_structural_counts_are_those_of_the_bits"),
    Mutant("harness/expression/densities.py", "kept_in",
           "elif among <= layers:", "elif among & layers:",
           "tests/test_expression.py::test_layers_left_out_must_have_a_known_count"),
    Mutant("harness/plan.py", "Plan._mask",
           "mask.scope, mask.among", "mask.scope, ()",
           "tests/test_plan.py::test_layers_that_are_left_out_reach_the_member"),
    Mutant("harness/plan.py", "Plan._mask",
           "mask.among, mask.rule", "mask.among",
           "tests/test_plan.py::test_a_ticket_of_one_rule_is_pruned_on_by_it"),
    Mutant("harness/plan.py", "Plan._mask",
           "else self._mask(source.mask, replicate)", "else ones(network)",  # each round prunes the whole network
           "tests/test_plan.py::test_members_are_what_their_expressions_say"),
    Mutant("harness/plan.py", "Plan._mask",
           "self._stored(mask.source, replicate)", 'initial_values(network, replicate, "init", 0)',
           "tests/test_plan.py::test_members_are_what_their_expressions_say"),
    Mutant("harness/plan.py", "Plan._mask",
           "(mask.key, str(replicate), made_from)", "(mask.key, str(replicate))",  # a mask of older weights
           "tests/test_plan.py::test_masks_follow_the_weights_that_are_stored_now"),
    Mutant("harness/plan.py", "Plan._mask",
           "mask.keep, mask.scope", "mask.keep, type(mask.scope).LAYER",
           "tests/test_plan.py::test_scope_and_draw_reach_the_member"),
    # --- rewinding: at(k), first_step, start ---
    Mutant("harness/expression/nodes.py", "Training.at",
           "step == self.first_step and self.mask is None", "step == self.first_step",
           "tests/test_training.py::test_at_first_step_without_mask_is_the_start_itself"),
    Mutant("harness/expression/nodes.py", "Training.at",
           "self.first_step <= step", "0 <= step",
           "tests/test_training.py::test_at_outside_the_training_is_refused"),
    Mutant("harness/expression/nodes.py", "Training.at",
           "if step == self.recipe.steps:", "if step is None:",
           "tests/test_training.py::test_at_the_last_step_is_the_end"),
    Mutant("harness/engine.py", "_Course.train",
           "elif at in population", "elif 0 in population",
           "tests/test_training.py::test_first_snapshot_is_the_start"),
    Mutant("harness/updates.py", "Updates.run",
           "yield step + 1", "yield step",  # at(k) after k + 1 updates
           "tests/test_training.py::test_snapshot_k_is_the_parameters_after_k_updates"),
    Mutant("harness/updates.py", "Updates.run",
           "_chunks(program, begin, last)", "_chunks(program, 0, last)",
           "tests/test_training.py::test_a_later_first_step_uses_that_step_s_rate_and_batches_and_a_new_optimiser"),
    Mutant("harness/population.py", "Program.of",
           "node.recipe, node.first_step, node.learn", "node.recipe, 0, node.learn",
           "tests/test_plan.py::test_a_program_is_what_its_members_have_in_common"),
    Mutant("harness/plan.py", "Plan._parameters",
           "self._stored(start, replicate).astype(np.float32)", 'initial_values(network, replicate, "init", 0)',
           "tests/test_plan.py::test_members_are_what_their_expressions_say"),
    Mutant("harness/masks.py", "resampled",
           "values[tensor.slice][mask[tensor.slice]]", "values[tensor.slice]",  # from all initial values
           "tests/test_masks.py::test_resampled_weights_are_those_of_the_survivors"),
    Mutant("harness/expression/nodes.py", "parents",
           "return (node.mask, node.start)", "return (node.mask,)",  # without the lineage of its values
           "tests/test_expression.py::test_a_resampled_start_consumes_mask_and_start"),
    Mutant("harness/plan.py", "Plan._parameters",
           "self._parameters(start.start, network, replicate)", 'initial_values(network, replicate, "init", 0)',
           "tests/test_plan.py::test_a_resampled_start_reaches_the_member"),
    Mutant("harness/plan.py", "Plan._parameters",
           "start.stream, start.draw", "start.stream, 0",
           "tests/test_plan.py::test_scope_and_draw_reach_the_member"),
    # --- schedules ---
    Mutant("harness/recipe.py", "Drops.factor",
           "step >= drop * steps", "step > drop * steps",
           "tests/test_training.py::test_drops_fall_at_the_first_step_of_each_fraction"),
    Mutant("harness/recipe.py", "Drops.factor",
           "self.by ** sum(", "self.by * sum(",
           "tests/test_training.py::test_drops_fall_at_the_first_step_of_each_fraction"),
    Mutant("harness/recipe.py", "Cosine.factor",
           "math.pi * step / steps", "math.pi * (step + 1) / steps",
           "tests/test_training.py::test_cosine_falls_from_one_to_nearly_nothing"),
    Mutant("harness/recipe.py", "Warmup.factor",
           "step / self.steps", "(step + 1) / self.steps",
           "tests/test_training.py::test_warm_up_rises_from_nothing_to_what_follows"),
    Mutant("harness/recipe.py", "Warmup.factor",
           "* self.then.factor(step, steps)", "* self.then.factor(step, steps) ** (step >= self.steps)",
           "tests/test_training.py::test_warm_up_rises_from_nothing_to_what_follows"),
    # --- exact quantities ---
    Mutant("harness/counts.py", "counted",
           "weights * math.prod(output.shape[2:])", "weights * math.prod(output.shape[3:])",
           "tests/test_counts.py::test_published_networks_have_their_known_counts"),
    Mutant("harness/hypothesis.py", "printed",
           "round_half_up(value / UNITS[unit] * 10**decimals)", "round(value / UNITS[unit] * 10**decimals)",
           "tests/test_counts.py::test_a_value_is_compared_as_the_figure_is_printed"),
    Mutant("harness/hypothesis.py", "printed",
           "rounded if callable(observed) else rounded()", "rounded()",  # imports torch in a plan
           "tests/test_counts.py::test_nothing_is_computed_before_it_is_asked_for"),
    # --- streams: key, counter, permutation; data; initial values ---
    Mutant("harness/streams.py", "generator",
           "/{stream}/{draw}", "/{stream}",
           "tests/test_expression.py::test_streams_never_meet"),
    Mutant("harness/streams.py", "generator",
           "{replicate.index}/", "",
           "tests/test_expression.py::test_streams_never_meet"),
    Mutant("harness/streams.py", "generator",
           "counter=counter * BLOCK", "counter=counter",
           "tests/test_expression.py::test_counters_do_not_overlap"),
    Mutant("harness/streams.py", "permutations",
           "range(first, first + count)", "range(count)",
           "tests/test_expression.py::test_order_of_drawing_does_not_matter"),
    Mutant("harness/streams.py", "integers",
           "% np.uint64(below)", "% np.uint64(below + 1)",
           "tests/test_expression.py::test_integers_are_uniform"),
    Mutant("harness/tasks.py", "pools",
           "order[task.train_images : held_back]", "order[: task.validation_images]",  # validated on training images
           "tests/test_training.py::test_splits_are_disjoint_and_each_replicate_has_its_own"),
    Mutant("harness/tasks.py", "batches",
           "start = first - epochs.start * per_epoch", "start = 0",
           "tests/test_training.py::test_batches_are_a_function_of_the_absolute_step"),
    Mutant("harness/tasks.py", "batches",
           "rows[:, : per_epoch * size]", "rows[:, : size].repeat(per_epoch, 1)",
           "tests/test_training.py::test_an_epoch_shows_every_image_once_and_drops_the_last_partial_batch"),
    Mutant("harness/tasks.py", "calibration",
           'pools(replicate, task)["train"]', 'pools(replicate, task)["test"]',
           "tests/test_training.py::test_pairs_stay_within_their_pools"),
    Mutant("harness/tasks.py", "pools",
           "np.arange(drawn, drawn + task.test_images)", "np.arange(task.test_images)",  # tested on training images
           "tests/test_data.py::test_real_splits_are_disjoint_and_of_exact_sizes"),
    Mutant("harness/tasks.py", "crops",
           "start = first - epochs.start * per_epoch", "start = 0",
           "tests/test_data.py::test_crops_are_a_function_of_the_absolute_step"),
    Mutant("harness/feed.py", "_augment",
           "member.augment_draw", "member.order_draw",
           "tests/test_data.py::test_augmentation_has_its_own_stream"),
    Mutant("harness/pixels.py", "cropped",
           "width - 1 - column_W", "width - column_W",
           "tests/test_data.py::test_crops_are_torchvision_s"),
    Mutant("harness/pixels.py", "scaled",
           ".square_().sum(", ".sum(",
           "tests/test_data.py::test_scaling_is_the_plain_formula"),
    Mutant("harness/tasks.py", "pools",
           "if task.whole:", "if task.own_test:",
           "tests/test_xor.py::test_every_split_is_all_four_points"),
    Mutant("harness/metrics.py", "Metric.read",
           "float(value == 1) if self.all_right", "value if self.all_right",
           "tests/test_xor.py::test_a_replicate_is_the_share_of_its_block_that_converged"),
    Mutant("harness/data.py", "_read",
           "md5 != file.md5", "not md5",
           "tests/test_data.py::test_other_bytes_are_refused"),
    Mutant("harness/network.py", "initial_values",
           "counter=i", "counter=0",
           "tests/test_expression.py::test_normal_draws_are_those_of_every_stored_result"),
    Mutant("harness/network.py", "_weights",
           "math.sqrt(2 / (fan_in + fan_out))", "math.sqrt(2 / fan_in)",
           "tests/test_expression.py::test_init_distributions_are_those_of_their_papers"),
    # --- edge-popup: scale, straight-through sign, ties ---
    Mutant("harness/stack.py", "ScoreStack.__init__",
           "math.sqrt(1 / learn.keep)", "1 / learn.keep",
           "tests/test_edge_popup.py::test_exactly_k_weights_a_layer_are_used_at_every_step"),
    Mutant("harness/stack.py", "ScoreStack.leaves",
           "self._scores[name].abs().flatten(1)", "self._scores[name].flatten(1)",
           "tests/test_edge_popup.py::test_learned_mask_is_what_the_last_forward_used"),
    Mutant("harness/stack.py", "ScoreStack.put_gradients",
           "self._scores[name].sign()", "self._scores[name].sign().abs()",
           "tests/test_edge_popup.py::test_score_gradient_is_that_of_autograd[1]"),
    Mutant("harness/stack.py", "ScoreStack.put_gradients",
           "self._weights[name] * self._scale", "self._weights[name]",
           "tests/test_edge_popup.py::test_score_gradient_is_that_of_autograd[1]"),
    Mutant("harness/stack.py", "ScoreStack.put_gradients",
           "gradients[name] * self._weights[name]", "gradients[name] * self.leaves()[name].detach()",  # of used weights
           "tests/test_edge_popup.py::test_scores_of_unused_weights_are_trained_too"),
    Mutant("harness/stack.py", "_without_surplus",
           "equal_RN.flip(1).cumsum(1).flip(1)", "equal_RN.cumsum(1)",  # ties to the higher index
           "tests/test_masks.py::test_learned_mask_is_what_the_engine_uses"),
    Mutant("harness/stack.py", "top",
           "if (mask_RN.sum(1) != count).any():", "if (mask_RN.sum(1) != count).all():",  # ties in one member only
           "tests/test_masks.py::test_ties_are_broken_in_each_member"),
    # --- engine: masked gradients, the optimiser and its state, BatchNorm, absolute steps ---
    Mutant("harness/stack.py", "Stack.put_gradients",
           "torch.mul(gradient, self._mask[name], out=self._grad[name])", "self._grad[name].copy_(gradient)",
           "tests/test_masks.py::test_removed_weights_are_zero_at_every_step_and_kept_ones_train"),
    Mutant("harness/stack.py", "Stack.__init__",
           "np.where(mask_RP > 0, np.stack([m.start for m in members]), np.float32(0))",
           "np.stack([m.start for m in members])",
           "tests/test_masks.py::test_snapshots_of_a_masked_training_are_masked_from_the_first"),
    Mutant("harness/updates.py", "optimiser",
           "weight_decay=recipe.weight_decay", "weight_decay=0.0",
           "tests/test_training.py::test_snapshot_k_is_the_parameters_after_k_updates"),
    Mutant("harness/updates.py", "Updates._load",
           "self._at.zero_()", "self._at.zero_(); self.optimiser.state.clear()",  # forget momentum at every chunk
           "tests/test_training.py::test_batches_drawn_ahead_change_no_bit"),
    Mutant("harness/updates.py", "Updates._load",
           "recipe.learning_rate(step)", "recipe.learning_rate(step - first)",
           "tests/test_training.py::test_a_later_first_step_uses_that_step_s_rate_and_batches_and_a_new_optimiser"),
    Mutant("harness/updates.py", "Updates._drawn",
           "self.feed.batches(first, first + count) for first",
           "self.feed.batches(first - chunks[0][0], first - chunks[0][0] + count) for first",
           "tests/test_training.py::test_a_later_first_step_uses_that_step_s_rate_and_batches_and_a_new_optimiser"),
    Mutant("harness/updates.py", "Updates._update",
           "loss_R.sum()", "loss_R.mean()",  # members share a learning rate
           "tests/test_training.py::test_a_diverged_member_leaves_its_neighbours_alone"),
    Mutant("harness/engine.py", "_Course.train",
           "if step % recipe.validate_every == 0 or step == last", "if step % recipe.validate_every == 0",
           "tests/test_training.py::test_validation_is_measured_as_often_as_asked_and_after_the_last_step"),
    Mutant("harness/measuring.py", "Evaluator.outcome",
           "torch.where(bad_R, self._chance, accuracy_R)", "accuracy_R",
           "tests/test_training.py::test_divergence_is_an_outcome"),
    Mutant("harness/measuring.py", "Evaluator.__init__",
           'feed.held_out("calibration")', "feed.held_out(split)",  # BatchNorm sees the test inputs
           "tests/test_training.py::test_batch_norm_is_evaluated_by_the_moments_of_the_calibration_inputs"),
    Mutant("harness/measuring.py", "Evaluator._evaluate",
           "self._feed.inputs(images_RBK), moments=moments", "self._feed.inputs(images_RBK)",  # by its own moments
           "tests/test_training.py::test_batch_norm_is_evaluated_by_the_moments_of_the_calibration_inputs"),
    Mutant("harness/nn.py", "Normalise.backward",
           "value=-1 / batch", "value=-1 / (batch - 1)",
           "tests/test_training.py::test_snapshot_k_is_the_parameters_after_k_updates"),
    Mutant("harness/nn.py", "_over",
           "(1, 3, 4)", "(1, 3)",
           "tests/test_layers.py::test_forward_is_that_of_torch_modules"),
    Mutant("harness/nn.py", "_through",
           "x = body + _through", "x = body * 2 + _through",
           "tests/test_layers.py::test_forward_is_that_of_torch_modules"),
    Mutant("harness/network.py", "Tensor.fans",
           "outputs * math.prod(kernel)", "outputs",
           "tests/test_layers.py::test_initial_convolutions_have_the_variance_of_their_fans"),
    # --- intervals, t and sign-flip p-values, Holm, power ---
    Mutant("harness/stats.py", "mean_interval",
           "x_R.size - 1, (1 + level) / 2", "x_R.size - 1, level",
           "tests/test_stats.py::test_interval_excludes_what_the_test_rejects"),
    Mutant("harness/stats.py", "_mean_and_error",
           "ddof=1", "ddof=0",
           "tests/test_stats.py::test_t_matches_statsmodels"),
    Mutant("harness/stats.py", "t_greater",
           "x_R.size - 1", "x_R.size",
           "tests/test_stats.py::test_t_matches_statsmodels"),
    Mutant("harness/stats.py", "t_less",
           "-_replicates(x), null=-null", "-_replicates(x), null=null",
           "tests/test_stats.py::test_two_one_sided_tests_match_statsmodels"),
    Mutant("harness/stats.py", "flip_greater",
           'side="right"', 'side="left"',
           "tests/test_stats.py::test_flip_matches_brute_force"),
    Mutant("harness/stats.py", "flip_greater",
           "tie - left", "-left",
           "tests/test_stats.py::test_flip_matches_brute_force"),
    Mutant("harness/stats.py", "flip_greater",
           "(1 + _drawn_sums_at_most(d_R, tie))", "_drawn_sums_at_most(d_R, tie)",
           "tests/test_stats.py::test_flip_with_many_replicates_draws_patterns"),
    Mutant("harness/stats.py", "flip_less",
           "-_replicates(x), null=-null", "-_replicates(x), null=null",
           "tests/test_stats.py::test_flip_matches_brute_force"),
    Mutant("harness/stats.py", "holm",
           "np.arange(p_M.size, 0, -1)", "p_M.size",
           "tests/test_stats.py::test_holm_matches_statsmodels"),
    Mutant("harness/stats.py", "holm",
           "np.maximum.accumulate(p_M[order] * np.arange(p_M.size, 0, -1))", "p_M[order] * np.arange(p_M.size, 0, -1)",
           "tests/test_stats.py::test_holm_is_monotone"),
    Mutant("harness/stats.py", "t_power",
           "stdtrit(n - 1, 1 - alpha)", "stdtrit(n - 1, 1 - alpha / 2)",
           "tests/test_stats.py::test_power_matches_statsmodels"),
    # --- the verdict rule ---
    Mutant("harness/assessment.py", "assess",
           "p_ref, flip_ref = t_less(x_R, null=bound)", "p_ref, flip_ref = t_less(x_R, null=0)",
           "tests/test_verdict.py::test_part_table_of_beats"),
    Mutant("harness/assessment.py", "assess",
           "p_rep = max(t_greater", "p_rep = min(t_greater",
           "tests/test_verdict.py::test_part_table_of_equals"),
    Mutant("harness/assessment.py", "assess",
           "np.round(comparison.differences_pp, NOISE_DECIMALS)", "comparison.differences_pp",
           "tests/test_verdict.py::test_no_spread_decides_nothing"),
    Mutant("harness/assessment.py", "Assessment.p_rep",
           "max(", "min(",
           "tests/test_verdict.py::test_parts_combine"),
    Mutant("harness/assessment.py", "Assessment.p_ref",
           "len(self.parts) * part.p_ref", "part.p_ref",
           "tests/test_verdict.py::test_parts_combine"),
    Mutant("harness/verdict.py", "_outcome",
           "if p_ref <= ALPHA:", "if p_ref <= ALPHA and p_rep > ALPHA:",  # reproduced before refuted
           "tests/test_verdict.py::test_planted_outcomes"),
    Mutant("harness/verdict.py", "_outcome",
           " and not causes.floor_causes(claim)", "",
           "tests/test_verdict.py::test_floor_must_be_beaten_by_twice_the_margin"),
    Mutant("harness/verdict.py", "_outcome",
           " and not causes.below_sesoi(claim)", "",
           "tests/test_verdict.py::test_part_below_its_sesoi_blocks_reproduction"),
    Mutant("harness/assessment.py", "_floor",
           "2 * comparison.bound_pp", "comparison.bound_pp",
           "tests/test_verdict.py::test_floor_must_be_beaten_by_twice_the_margin"),
    Mutant("harness/assessment.py", "_floor",
           "mean_interval(x_R).lower", "float(np.mean(x_R))",
           "tests/test_verdict.py::test_floor_of_beats_must_be_above_zero"),
    Mutant("harness/power.py", "FEWEST",
           "5", "4",
           "tests/test_verdict.py::test_fewer_than_five_replicates_decide_nothing"),
    Mutant("harness/verdict.py", "SIGN_FLIP_FROM",
           "10", "11",
           "tests/test_verdict.py::test_disagreement_counts_from_ten_replicates"),
    Mutant("harness/verdict.py", "_how_reproduced",
           "part.lower_pp >= part.bound_pp", "part.mean_pp >= part.bound_pp",
           "tests/test_verdict.py::test_planted_outcomes"),
    Mutant("harness/causes.py", "undecidable",
           "part.sd_pp == 0", "part.sd_pp < 0",
           "tests/test_verdict.py::test_no_spread_decides_nothing"),
    Mutant("harness/verdict.py", "decide",
           "_adjusted(family, {name: claim.p_rep for", "_adjusted(judged, {name: claim.p_rep for",  # a smaller family
           "tests/test_verdict.py::test_every_claim_of_the_lock_is_in_the_family"),
    Mutant("harness/judge.py", "judge",
           "{*locked, *(", "{*(",
           "tests/test_report.py::test_a_locked_claim_without_rows_stays_in_the_family"),
    Mutant("harness/judge.py", "compare",
           "{floor: reference - results", "{floor: results.read(claim, part.arm, part) - results",
           "tests/test_report.py::test_the_rows_alone_bring_the_report_back"),
    # --- pictures, and what a report tells of earlier versions ---
    Mutant("harness/pictures.py", "_by_task",
           "groups if len(groups) > 1 else", "groups if len(groups) > 9 else",
           "tests/test_parts.py::test_every_task_and_metric_that_is_read_has_a_panel"),
    Mutant("harness/pictures.py", "picture",
           "bars if measured.all_right else strips", "strips",
           "tests/test_pictures.py::test_the_picture_follows_from_what_was_measured"),
    Mutant("harness/pictures.py", "Panel.look",
           "MARKERS[(i + again) % len(MARKERS)], DASHES[(i + again) % len(DASHES)]", "MARKERS[i], DASHES[i]",
           "tests/test_pictures.py::test_no_two_arms_look_alike"),
    Mutant("harness/metrics.py", "Metric.read",
           "-row.value if self.negated else row.value", "row.value",
           "tests/test_untrained.py::test_stability_is_minus_the_barrier"),
    Mutant("harness/versions.py", "_in_short",
           "deciding(verdict) or {}", "verdict['parts'][0]",
           "tests/test_judge.py::test_a_version_is_told_by_what_its_verdict_rests_on"),
    # --- the lock: hash chain, content, next block ---
    Mutant("harness/lock.py", "Registry.__init__",
           "if entry.before != before:", "if bool(entry.before) != bool(before):",
           "tests/test_lock.py::test_an_edited_entry_is_noticed"),
    Mutant("harness/lock.py", "Registry.lock",
           "before=self._last", 'before=self.entries[-1].before if self.entries else ""',
           "tests/test_lock.py::test_locking_only_appends"),
    Mutant("harness/lock.py", "Registry.lock",
           "claim.version != last + 1", "claim.version <= last",
           "tests/test_lock.py::test_versions_must_follow_each_other"),
    Mutant("harness/lock.py", "Registry._next_block",
           "e.first_replicate + e.replicates", "e.replicates",
           "tests/test_lock.py::test_an_amended_version_decides_on_fresh_replicates"),
    Mutant("harness/lock.py", "Registry.fault",
           "entry.digest != claim.digest(scale) or told", "told",
           "tests/test_lock.py::test_a_change_after_the_lock_shows"),
    Mutant("harness/lock.py", "Locked.block",
           "range(self.first_replicate, self.first_replicate + self.replicates)", "range(self.replicates)",
           "tests/test_lock.py::test_an_amended_version_decides_on_fresh_replicates"),
    Mutant("harness/catalogue.py", "Claim.locked_content",
           "sorted(node.key for node in nodes)", "len(nodes)",
           "tests/test_lock.py::test_a_change_after_the_lock_shows"),
    Mutant("harness/catalogue.py", "Claim.locked_content",
           "[_plain(part) for part in design.parts]", "[part.name for part in design.parts]",
           "tests/test_lock.py::test_a_change_after_the_lock_shows"),
    Mutant("harness/catalogue.py", "Claim.locked_content",
           "[_plain(part) for part in design.beside]", "[]",
           "tests/test_lock.py::test_a_change_after_the_lock_shows"),
    # --- the store: seal, sizes, the rename, the newest counts ---
    Mutant("harness/store.py", "_read_record",
           'asked.get("seal") != _seal(asked)', 'not asked.get("seal")',
           "tests/test_store.py::test_a_bad_record_is_set_aside_and_computed_again"),
    Mutant("harness/store.py", "_read_record",
           'size != expected["size"]', 'size > expected["size"]',
           "tests/test_store.py::test_a_bad_record_is_set_aside_and_computed_again"),
    Mutant("harness/store.py", "_read_record",
           "(small or thorough)", "thorough",
           "tests/test_store.py::test_a_bad_record_is_set_aside_and_computed_again"),
    Mutant("harness/store.py", "Writer._place",
           'self.store.path / "partial" / name', 'self.store.path / "records" / name',  # written in place
           "tests/test_store.py::test_a_fault_leaves_a_whole_record_or_none"),
    Mutant("harness/store.py", "Writer._place",
           "number = 1 + max(", "number = 1 + min(",
           "tests/test_store.py::test_a_fault_leaves_a_whole_record_or_none"),
    Mutant("harness/store.py", "Writer.__enter__",
           'FileLock(path / "lock")', 'FileLock(path / f"lock-{os.getpid()}")',
           "tests/test_store.py::test_a_second_writer_is_refused_with_the_holder_s_name"),
    Mutant("harness/store.py", "Store.refresh",
           "sorted(folder.iterdir())", "sorted(folder.iterdir(), reverse=True)",  # the oldest counts
           "tests/test_store.py::test_newest_record_of_a_unit_counts"),
    Mutant("harness/store.py", "Store.array",
           "digest(array) != entry.outs[slot]", "len(array) != size",
           "tests/test_store.py::test_an_array_with_another_digest_is_never_used"),
    Mutant("harness/store.py", "_write",
           '"ins": dict(member.ins)', '"ins": {}',
           "tests/test_store.py::test_what_is_stored_comes_back"),
    # --- lineage: what was consumed, what was produced ---
    Mutant("harness/plan.py", "Plan._reason",
           "if now != then:", 'if then == "nothing":',
           "tests/test_plan.py::test_a_parent_stored_again_with_another_digest_makes_descendants_due"),
    Mutant("harness/plan.py", "Plan.reasons",
           "if not lineage_holds:", "if reason == NEVER:",  # grandchildren do not wait
           "tests/test_plan.py::test_what_comes_of_a_descendant_waits_for_it"),
    Mutant("harness/plan.py", "Plan._reason",
           "if missing:", "if missing and entry.ins:",
           "tests/test_plan.py::test_a_snapshot_wanted_later_makes_only_its_parent_due"),
    Mutant("harness/plan.py", "Plan.pack",
           " | set(self._kept_before(unit))", "",
           "tests/test_plan.py::test_snapshots_kept_before_are_kept_again"),
    Mutant("harness/plan.py", "Plan._reason",
           "in consumed(unit.node)", "in consumed(unit.node)[:1]",
           "tests/test_plan.py::test_either_of_two_things_consumed_is_watched"),
    Mutant("harness/plan.py", "Plan.ready",
           "if not reasons[name] or name in running:", "if not reasons[name]:",
           "tests/test_plan.py::test_running_units_and_their_children_are_not_ready"),
    # --- learning rates of members, captured steps ---
    Mutant("harness/updates.py", "Updates._update",
           "rate.copy_(now)", "rate.copy_(rates_G[0])",  # all members at the first one's rate
           "tests/test_capture.py::test_members_of_other_learning_rates_equal_those_alone"),
    Mutant("harness/updates.py", "Updates._update",
           "self.loss_R.copy_(loss_R.detach())", "self.loss_R.copy_(loss_R.detach()); float(loss_R[0])",
           "tests/test_capture.py::test_neither_an_update_nor_an_evaluation_waits_for_the_device"),
    Mutant("harness/stack.py", "_top_unasked",
           "magnitude_RN >= threshold_R1, magnitude_RN", "magnitude_RN >= threshold_R1, magnitude_RN * 0",
           "tests/test_capture.py::test_the_choice_that_never_waits_is_the_same"),
    Mutant("harness/recipe.py", "Recipe.without_rates",
           "replace(self.with_lr(1.0), schedule=Constant())", "self.with_lr(1.0)",
           "tests/test_capture.py::test_programs_of_other_rates_pack_and_others_do_not"),
    # --- dropout, penalties, metrics ---
    Mutant("harness/noise.py", "Noise.dropped",
           "self._layers += 1", "pass",  # all layers drop alike
           "tests/test_noise.py::test_the_stated_share_is_dropped_and_the_mean_stays"),
    Mutant("harness/noise.py", "Noise.dropped",
           ".mul_(1 / (1 - rate))", "",
           "tests/test_noise.py::test_the_stated_share_is_dropped_and_the_mean_stays"),
    Mutant("harness/updates.py", "Updates._update",
           "self._first + self._at)", "self._first)",  # every step of a chunk drops alike
           "tests/test_noise.py::test_a_chunk_s_steps_drop_differently"),
    Mutant("harness/stack.py", "Stack.penalise",
           "self.learned_RP.sign(), self._prunable_1P", "self.learned_RP, self._prunable_1P",
           "tests/test_noise.py::test_penalties_are_those_of_the_stated_loss"),
    Mutant("harness/metrics.py", "Metric.read",
           "math.log(value) if self.log", "value if self.log",
           "tests/test_parts.py::test_steps_are_compared_by_their_ratio"),
    # --- checkpoints and limits ---
    Mutant("harness/engine.py", "_Course._restore",
           'if kind == "optimiser":', "if False:",
           "tests/test_checkpoint.py::test_resumed_equals_uninterrupted"),
    Mutant("harness/measuring.py", "EarlyStop.restore_state",
           'torch.from_numpy(state["best"])', 'torch.full((len(state["best"]),), torch.inf).double()',
           "tests/test_checkpoint.py::test_resumed_equals_uninterrupted"),
    Mutant("harness/checkpoint.py", "Saver.load",
           ' or meta["made_with"] != dict(made_with)', "",
           "tests/test_checkpoint.py::test_a_checkpoint_that_cannot_be_trusted_is_ignored"),
    Mutant("harness/run.py", "_resumable",
           "if checkpoint.name(plan.pack(units)) == each.name:", "if True:",
           "tests/test_limit.py::test_a_checkpoint_of_what_was_made_from_something_else_is_not_used"),
    Mutant("harness/plan.py", "Plan.population_size",
           "min(most, by_limit)", "most",
           "tests/test_limit.py::test_a_population_is_as_large_as_the_time_allows"),
    Mutant("harness/merge.py", "_merge_record",
           "elif slot := _differing(writer.store, before, theirs, entry):", "elif slot := '':",
           "tests/test_merge.py::test_a_conflict_names_both_and_overwrites_nothing"),
    Mutant("harness/store.py", "_copy",
           '"wall_s": round(seconds, 3)', '"wall_s": asked["provenance"]["wall_s"]',
           "tests/test_merge.py::test_of_a_record_that_is_partly_there_the_rest_is_copied"),
    # --- what is measured without training ---
    Mutant("harness/untrained.py", "_path",
           "add_(b_RP, alpha=t)", "add_(b_RP, alpha=1 - t)",
           "tests/test_untrained.py::test_the_ends_of_a_path_are_the_two_trainings"),
    Mutant("harness/untrained.py", "_path",
           "i / (program.points - 1)", "i / program.points",  # never at the other end
           "tests/test_untrained.py::test_the_ends_of_a_path_are_the_two_trainings"),
    Mutant("harness/untrained.py", "_path",
           "(error_TR[0] + error_TR[-1]) / 2", "error_TR[0]",
           "tests/test_untrained.py::test_barrier_and_distance_are_what_they_say"),
    Mutant("harness/untrained.py", "_path",
           "torch.where(diverged_R, 1 - program.task.chance, barrier_R)", "barrier_R",  # a flat path of chance
           "tests/test_untrained.py::test_no_path_leads_to_a_copy_that_diverged"),
    Mutant("harness/untrained.py", "_path",
           "bad[0] | bad[-1]", "bad[0]",
           "tests/test_untrained.py::test_no_path_leads_to_a_copy_that_diverged"),
    Mutant("harness/untrained.py", "_distances",
           "population.program.network.prunable().values()", "population.program.network.tensors()",  # biases too
           "tests/test_untrained.py::test_barrier_and_distance_are_what_they_say"),
    Mutant("harness/untrained.py", "_accuracies",
           "accuracy_R - test_R", "accuracy_R",
           "tests/test_untrained.py::test_train_accuracy_is_that_on_the_training_images"),
    Mutant("harness/tasks.py", "trained_on",
           '["train"]', '["validation"]',
           "tests/test_untrained.py::test_training_examples_are_as_many_as_are_said"),
    Mutant("harness/plan.py", "Plan._member",
           "self._parameters(node.b,", "self._parameters(node.a,",
           "tests/test_untrained.py::test_a_path_waits_for_both_copies_and_is_due_when_either_changes"),
    Mutant("harness/expression/nodes.py", "parents",
           "return (node.a, node.b)", "return (node.a,)",
           "tests/test_untrained.py::test_a_path_waits_for_both_copies_and_is_due_when_either_changes"),
    Mutant("harness/expression/measurements.py", "between",
           "if one != other:", "if one < other:",
           "tests/test_untrained.py::test_paths_that_measure_nothing_are_refused"),
    Mutant("harness/check.py", "differences",
           'yield from _differing_ends(a.b, b.b, "b")', "pass",
           "tests/test_untrained.py::test_paths_differ_in_what_their_trainings_differ_in"),
    Mutant("harness/check.py", "_check_part",
           "if not measures(node, metric(part.metric).source):", "if False:",
           "tests/test_untrained.py::test_a_part_is_refused_where_its_metric_is_not_measured"),
    Mutant("harness/rewrite.py", "rewrite",
           "b=start(node.b)", "b=node.b",
           "tests/test_untrained.py::test_paths_and_magnitudes_are_rewritten_with_their_trainings"),
    Mutant("harness/flops.py", "evaluation_flops",
           " * max(program.points, 1)", "",
           "tests/test_flops.py::test_the_count_is_what_torch_counts"),
    Mutant("harness/survivors.py", "rows",
           "(magnitude * kept).sum() / survivors", "magnitude[kept].max(initial=0)",
           "tests/test_untrained.py::test_magnitudes_of_a_layer_counted_by_hand"),
    Mutant("harness/survivors.py", "rows",
           "largest(-magnitude,", "largest(magnitude,",
           "tests/test_untrained.py::test_survivors_like_the_others_have_ratio_one_and_a_fifth_near_zero"),
    Mutant("harness/survivors.py", "rows",
           "magnitude[kept] / scale", "magnitude[kept]",
           "tests/test_untrained.py::test_magnitudes_of_a_layer_counted_by_hand"),
    # --- accounts ---
    Mutant("harness/flops.py", "training_flops",
           "6 * every - 2 * of_first", "6 * every",
           "tests/test_flops.py::test_the_count_is_what_torch_counts"),
    Mutant("harness/flops.py", "evaluation_flops",
           " + (recipe.steps % every > 0)", "",
           "tests/test_flops.py::test_evaluations_are_counted_as_the_engine_makes_them"),
    # --- the early stop, variants, part kinds ---
    Mutant("harness/measuring.py", "EarlyStop.see",
           "loss_R < self._best_R", "loss_R > -self._best_R",  # the last step is always best
           "tests/test_training.py::test_early_stop_accuracy_is_that_of_a_training_stopped_there"),
    Mutant("harness/engine.py", "_Course.finish",
           "self.early.restore()", "pass",
           "tests/test_training.py::test_early_stop_accuracy_is_that_of_a_training_stopped_there"),
    Mutant("harness/machine.py", "arithmetic",
           'numerics == "bfloat16"', "not numerics",
           "tests/test_training.py::test_bfloat16_rounds_products_and_keeps_float32_weights"),
    Mutant("harness/rewrite.py", "rewrite",
           "recipe=recipe(node.recipe)", "recipe=node.recipe if node.mask else recipe(node.recipe)",
           "tests/test_robustness.py::test_a_variant_changes_every_recipe_and_nothing_else"),
    Mutant("harness/robustness.py", "_current",
           'known is not None and known["digest"] == results.claims[claim.id]["digest"]', "known is not None",
           "tests/test_robustness.py::test_variants_of_another_version_say_nothing"),
    Mutant("harness/results.py", "Results.differences",
           "one - other[0] if other else one", "one",
           "tests/test_parts.py"),
    # --- the seed-variance check ---
    Mutant("harness/variance.py", "drawn",
           "_digest(place[batches.images])", "_digest(batches.images)",  # an order shared across splits goes unseen
           "tests/test_variance.py::test_a_fresh_replicate_that_repeats_another_is_named"),
    Mutant("harness/variance.py", "identity",
           "if node.key != baseline.key:", "if not node.key:",
           "tests/test_variance.py::test_a_changed_recipe_is_named_by_its_key"),
    Mutant("harness/variance.py", "_wrong_counts",
           "if count != expected:", "if count < expected:",
           "tests/test_variance.py::test_a_mask_off_by_one_weight_is_named_by_identity"),
    Mutant("harness/variance.py", "_first_losses",
           "~(apart <= accepted.tolerance)", "apart > 1",
           "tests/test_variance.py::test_a_higher_learning_rate_is_named_by_the_trajectory"),
    Mutant("harness/variance.py", "trajectory",
           "if now != was:", "if not now:",
           "tests/test_variance.py::test_rounding_alone_leaves_first_losses_within_tolerance"),
    Mutant("harness/variance.py", "calibrate",
           "min(ROOM * low, ", "min(low, ",
           "tests/test_variance.py::test_tolerance_lies_between_noise_and_signal"),
    Mutant("harness/variance.py", "confirmed",
           "if again.status is Status.RED:", "if again.status:",  # one look is enough
           "tests/test_variance.py::test_a_first_look_that_is_not_confirmed_warns"),
    Mutant("harness/watching.py", "check",
           "skip=variance.WEIGHTS)", "skip=0)",  # replicates of the baseline count as fresh
           "tests/test_variance.py::test_findings_give_their_figures"),
    Mutant("harness/retrain.py", "Retrained._difference",
           "mine[step] != theirs.get(step)", "mine[step] is None",
           "tests/test_variance.py::test_a_reduction_in_another_order_is_named_by_the_repeat"),
    Mutant("harness/baseline.py", "read",
           'content.pop("seal", None) != _seal(content)', 'content.pop("seal", None) == ""',
           "tests/test_variance.py::test_a_baseline_that_is_not_what_was_accepted_is_refused"),
    Mutant("harness/baseline.py", "accept",
           "file.rename(kept)", "kept.touch()",
           "tests/test_variance.py::test_a_new_baseline_keeps_the_old_one"),
    Mutant("harness/acceptance.py", "location",
           "abs(difference) > max(half, margin)", "abs(difference) > half",
           "tests/test_acceptance.py"),
    Mutant("harness/acceptance.py", "spread",
           "red=rejected and gates", "red=rejected",
           "tests/test_acceptance.py"),
    Mutant("harness/acceptance.py", "_spread_fails",
           "by_f & (", "by_f | (",
           "tests/test_acceptance.py"),
    Mutant("harness/controls.py", "equal_arms",
           "t_greater(sample + effect, null=0)", "t_greater(sample, null=0)",
           "tests/test_controls.py::test_equal_arms_pass"),
    # --- the plan: power in the family that will be, and what is shared ---
    Mutant("harness/planning.py", "family",
           "*registry.family(paper, scale), ", "",
           "tests/test_power.py::test_power_is_planned_for_the_family_that_will_be"),
    Mutant("harness/planning.py", "family",
           " if not claim.design(scale).exact", "",
           "tests/test_power.py::test_power_is_planned_for_the_family_that_will_be"),
    Mutant("harness/planning.py", "totals",
           "sum(len(unit.wanted_by) for unit in plan.units.values())", "len(plan.units)",
           "tests/test_plan.py::test_totals_say_what_claims_share_and_what_is_left"),
    # --- keys: defaults stay out, everything else goes in ---
    Mutant("harness/expression/keys.py", "_fields",
           "f.default is dataclasses.MISSING or getattr(value, f.name) != f.default", "f.name",
           "tests/test_expression.py::test_fields_at_their_defaults_do_not_enter"),
    Mutant("harness/expression/keys.py", "_fields",
           '{"is": type(value).__name__, **described}', "described",
           "tests/test_expression.py::test_whatever_changes_the_numbers_changes_the_key"),
    Mutant("harness/expression/trainings.py", "train",
           "in (streams or {}).items() if draw)", "in (streams or {}).items())",
           "tests/test_expression.py::test_fields_at_their_defaults_do_not_enter"),
)
# fmt: on


def mutate(source: str, mutant: Mutant) -> str:
    """Return `source` with the mutant's line broken; raises MovedError unless `before` stands once in the function."""
    lines = source.splitlines(keepends=True)
    found = [node for name, node in _definitions(ast.parse(source).body) if name == mutant.function]
    if len(found) != 1:
        raise MovedError(
            f"{mutant.file} defines {mutant.function} {len(found)} times: update the table in tests/mutants.py"
        )
    first, last = found[0].lineno - 1, found[0].end_lineno
    text = "".join(lines[first:last])
    if text.count(mutant.before) != 1:
        raise MovedError(
            f"{mutant.file}, {mutant.function}: {mutant.before!r} stands there {text.count(mutant.before)} times, "
            "expected was once. The line moved: update the table in tests/mutants.py"
        )
    return "".join([*lines[:first], text.replace(mutant.before, mutant.after), *lines[last:]])


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
        killed_by, fault = verdict(*run_tests(copy, mutant.tests.split(), bytecode=False))
    finally:
        file.write_text(whole)
        os.utime(file, (times.st_atime, times.st_mtime))
        copies.put(copy)
    return Outcome(mutant, killed_by, fault, time.perf_counter() - began)


def unbroken(tests: Sequence[str], copies: SimpleQueue[Path]) -> str:
    """Run tests of one file on a whole copy; returns the output where they do not pass."""
    copy = copies.get()
    try:
        status, output = run_tests(copy, tests, bytecode=True)
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
            print(row("file", "function", "before", "after", "killed by", "s"))
            print(row(*["---"] * 6))
            outcomes = []
            for outcome in pool.map(attempt, mutants, [copies] * len(mutants)):
                m, said = outcome.mutant, outcome.killed_by or f"**{outcome.fault}**"
                change = (f"`{m.before}`", f"`{m.after}`")
                print(row(m.file, f"`{m.function}`", *change, said, f"{outcome.seconds:.1f}"), flush=True)
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
