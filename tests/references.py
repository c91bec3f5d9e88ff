# ruff: noqa: PERF401  -- plain loops are the point
"""Plain loops of methods of sparse training, from the papers' equations: what tests compare the engine with.

Common setting: a multilayer perceptron, ReLU between layers, none after the last.
`weights` are float64 tensors (inputs, outputs), a layer computes h @ (w * mask) + b.
`x` (examples, inputs), `y` integer labels; the loss is the mean cross-entropy in nats.

Nothing here changes its arguments: every function returns new tensors.
`rng` is a numpy.random.Generator; the docstrings say in which order numbers are drawn.

They were written before and apart from the implementation, by somebody who had not seen it; what the papers leave open,
and how it was read, is in each docstring. What is "from memory" was not looked up in the paper again.
"""

import math

import torch

REAL = torch.float64  # given explicitly: importing this file changes no global setting


# ---------------------------------------------------------------- common pieces


def masked(weights, masks):
    """The weights in force: w * mask, layer by layer."""
    result = []
    for w, m in zip(weights, masks, strict=True):
        result.append(w.detach().double() * m.detach().double())
    return result


def logits_of(effective, biases, x):
    """Forward pass with the weights in force: h @ w + b, ReLU between layers, none after the last."""
    h = x.double()
    last = len(effective) - 1
    for layer in range(len(effective)):
        h = h @ effective[layer] + biases[layer].detach().double()
        if layer < last:
            h = torch.where(h > 0, h, torch.zeros_like(h))
    return h


def cross_entropy(logits, y):
    """Mean over the batch of -log softmax(logits)[label], in nats."""
    total = torch.zeros((), dtype=REAL)
    for example in range(logits.shape[0]):
        row = logits[example]
        total = total + torch.logsumexp(row, dim=0) - row[int(y[example])]
    return total / logits.shape[0]


def dense_gradients(weights, biases, masks, x, y, temperature=1.0):
    """Gradient of the loss with respect to the weights in force (w * mask), at every place.

    "Dense": a dead place has the gradient its weight (which is 0) would receive. The gradient
    with respect to an alive weight alone is the same number times the mask.
    """
    effective = masked(weights, masks)
    for w in effective:
        w.requires_grad_(True)
    loss = cross_entropy(logits_of(effective, biases, x) / temperature, y)
    return [g.detach() for g in torch.autograd.grad(loss, effective)]


def round_half_up(value):
    """Nearest integer of the float64 value, a half goes up (2.5 -> 3)."""
    return math.floor(value + 0.5)


def first_indices(keys, count):
    """The places of the `count` smallest keys in a list, ties to the lower place."""
    order = sorted(range(len(keys)), key=lambda place: (keys[place], place))
    return order[:count]


# ---------------------------------------------------------------- 1. SNIP


def snip_scores(weights, biases, masks, x, y):
    """SNIP: |g * w| (Lee, Ajanthan, Torr, ICLR 2019, 1810.02340).

    In words: put an indicator c_j on each connection (weight c_j * w_j); the effect of removing it
    is taken as the derivative of the loss with respect to c_j at c = 1, which is
    (dL/dw_j) * w_j; the connection sensitivity is its absolute value, divided in the paper by the
    sum over all connections. The top ones are kept. One batch; loss = mean cross-entropy.

    Normalisation: the divisor is one positive number for the whole network, so it never changes
    a ranking within one batch (it would matter only for mixing scores of several batches or
    rounds, or for an absolute threshold, and could merge or underflow values in floating point).
    Not normalised here.

    Ambiguous: a mask already in place (the paper starts dense). Decided: the derivative is taken
    at the masked network, and "w" is the weight in force, so a dead place scores exactly 0 (with
    the unmasked w it would score the effect of bringing the weight back). Biases: the paper's
    indicators are on connections; biases get no score but take part in the forward pass.
    Weight values: as given (the paper wants a variance-scaled initialisation).
    """
    gradient = dense_gradients(weights, biases, masks, x, y)
    effective = masked(weights, masks)
    scores = []
    for g, w in zip(gradient, effective, strict=True):
        scores.append((g * w).abs())
    return scores


# ---------------------------------------------------------------- 2. GraSP


def grasp_products(weights, biases, masks, x, y, temperature=200.0, alive_only=True):
    """(g, H g) per layer for `grasp_scores`: g the gradient, H the Hessian over all layers' weights.

    H g is the gradient of the scalar g . stop(g), stop meaning held constant (the paper's
    Hessian-gradient product). H couples the layers: the scalar is summed over all of them first.
    """
    effective = masked(weights, masks)
    for w in effective:
        w.requires_grad_(True)
    loss = cross_entropy(logits_of(effective, biases, x) / temperature, y)
    gradient = torch.autograd.grad(loss, effective, create_graph=True)
    constants = []
    for g, m in zip(gradient, masks, strict=True):
        constant = g.detach().clone()
        if alive_only:
            constant = constant * m.double()
        constants.append(constant)
    scalar = torch.zeros((), dtype=REAL)
    for g, constant in zip(gradient, constants, strict=True):
        scalar = scalar + (g * constant).sum()
    products = []
    for product, m in zip(torch.autograd.grad(scalar, effective), masks, strict=True):
        product = product.detach()
        if alive_only:
            product = product * m.double()
        products.append(product)
    return constants, products


def grasp_scores(weights, biases, masks, x, y, temperature=200.0, alive_only=True):
    """GraSP: S = -w * (H g) (Wang, Zhang, Grosse, ICLR 2020, 2002.07376).

    In words: the change of the squared gradient norm g.g when w moves by d is, to first order,
    2 d.(H g); removing weight q is d = -w_q, so its score is -w_q (H g)_q (the 2 is dropped: no
    effect on the order). The gradient norm is what makes the loss fall, so it should stay large.

    Which end is removed: a LARGE (positive) score says that removal raises the gradient norm, a
    negative one that removal lowers it. The weights with the HIGHEST scores are removed, those
    with the LOWEST (most negative) kept, over all layers together. With `prune_global` pass the
    negated scores. There is no absolute value.

    temperature: divides the logits before the softmax, in both g and H; default 200 as in the
    paper, 1 means none.

    Ambiguous: (a) biases. The paper writes theta for the parameters and is silent on biases (from
    memory); decided: g and H run over the weights of all layers, not the biases, which stay in
    the forward pass. (b) a mask already in place. The paper starts dense; decided: the network is
    a function of its alive weights only, so g is zeroed at dead places BEFORE the product with H
    (alive_only=True); alive_only=False keeps the dense gradient there, which changes H g at alive
    places too. A dead place scores 0 either way (its w is 0): that is not "lowest", so dead
    places must be left out of the ranking. (c) one batch for both g and H. (d) ReLU: the second
    derivative at the kink is taken as 0.
    """
    _, products = grasp_products(weights, biases, masks, x, y, temperature, alive_only)
    effective = masked(weights, masks)
    scores = []
    for w, product in zip(effective, products, strict=True):
        scores.append(-w * product)
    return scores


# ---------------------------------------------------------------- 3. SynFlow


def synflow_scores(weights, biases, masks):
    """SynFlow: S = dR/dw * w with R = 1^T (prod |W_l|) 1 (Tanaka et al., NeurIPS 2020, 2006.05467).

    In words: send a row of ones through the network with absolute weights in force, no data, no
    ReLU needed (everything is >= 0), and sum the outputs: R, the sum over all paths of the product
    of their |weights|. dR/d|w_ij| = (flow into i from the inputs) * (flow from j to the outputs),
    and dR/dw * w = dR/d|w| * |w|, the part of R through that weight, >= 0, and 0 for w = 0.
    The lowest are removed. Each layer's scores sum to R (conservation).

    Biases: the objective in the paper is a product of weight matrices only, with no bias in it
    (its conservation theorem speaks of incoming parameters "including the bias" for general
    networks, from memory). Decided: `biases` is not used in the pass at all, nor scored; with
    biases in the pass the layer sums would no longer be equal.

    Ambiguous: whether the pass uses the mask already in place: yes, Algorithm 1 scores mu * theta.
    """
    absolute = [w.abs() for w in masked(weights, masks)]
    count = len(absolute)
    left = [torch.ones(absolute[0].shape[0], dtype=REAL)]  # left[l][i]: flow that reaches input i of layer l
    for layer in range(count):
        left.append(left[layer] @ absolute[layer])
    right = [None] * count + [
        torch.ones(absolute[-1].shape[1], dtype=REAL)
    ]  # right[l+1][j]: flow from output j of layer l
    for layer in range(count - 1, -1, -1):
        right[layer] = absolute[layer] @ right[layer + 1]
    scores = []
    for layer in range(count):
        rows, columns = absolute[layer].shape
        score = torch.zeros(rows, columns, dtype=REAL)
        for i in range(rows):
            score[i] = left[layer][i] * absolute[layer][i] * right[layer + 1]
        scores.append(score)
    return scores


# ---------------------------------------------------------------- 4. schedule and global pruning


def rounds(score, keep, n):
    """Densities keep**(k/n), k = 1..n (Tanaka et al. 2020, Algorithm 1: rho**(-k/n), rho = 1/keep).

    In words: the density falls by the same factor each round and ends at `keep` exactly.
    `score` (the name or function of the score) does not influence the schedule; it is accepted
    because the signature was asked so, and ignored. The density is of ALL weights of the network,
    whatever the starting mask (decided, see `synflow`).
    """
    densities = []
    for k in range(1, n + 1):
        densities.append(keep ** (k / n))
    return densities


def prune_global(scores, masks, count):
    """Keep the `count` highest scores among alive weights of all layers together.

    Tanaka et al. 2020, Algorithm 1, removes all scores not above a percentile; exact counts with
    a tie rule are used instead: equal scores are kept first in the earlier layer, then at the
    lower row-major index. Dead places never come back. If fewer than `count` are alive, all stay.
    """
    entries = []
    for layer in range(len(scores)):
        score = scores[layer].reshape(-1).tolist()
        alive = masks[layer].reshape(-1).tolist()
        for place in range(len(score)):
            if alive[place] != 0:
                entries.append((-score[place], layer, place))
    entries.sort()
    kept = [torch.zeros(m.numel(), dtype=REAL) for m in masks]
    for _, layer, place in entries[: max(count, 0)]:
        kept[layer][place] = 1.0
    return [k.reshape(m.shape) for k, m in zip(kept, masks, strict=True)]


# ---------------------------------------------------------------- 5. iterative SynFlow and SNIP


def total_of(masks):
    """Number of weights, alive or dead, of all layers."""
    total = 0
    for m in masks:
        total += m.numel()
    return total


def synflow(weights, biases, masks, keep, n):
    """Iterative SynFlow (Tanaka et al. 2020, Algorithm 1): n rounds of score, then prune.

    In words: in round k score the network with the masks so far and keep the
    round-half-up(total * keep**(k/n)) highest of all layers together.

    Ambiguous: with a mask already in place, total counts ALL weights, dead ones included, so the
    first rounds may remove nothing. The paper prunes by percentile; exact counts are used here.
    The paper's masks are recomputed over all weights in each round (a removed weight scores 0 so
    does not return); here dead places are excluded explicitly.
    """
    current = [m.clone().double() for m in masks]
    total = total_of(masks)
    for density in rounds("synflow", keep, n):
        scores = synflow_scores(weights, biases, current)
        current = prune_global(scores, current, round_half_up(total * density))
    return current


def snip_iterative(weights, biases, masks, x, y, keep, n):
    """SNIP scores (1810.02340) in the rounds of Tanaka et al. 2020, the same batch in each round.

    In words: as `synflow`, with |g * w| recomputed on the network with the masks so far. SNIP
    itself is one round (n = 1). Ambiguous: one batch for all rounds or a new one per round;
    decided: the batch given, each time. Weights are never trained or rescaled between rounds.
    """
    current = [m.clone().double() for m in masks]
    total = total_of(masks)
    for density in rounds("snip", keep, n):
        scores = snip_scores(weights, biases, current, x, y)
        current = prune_global(scores, current, round_half_up(total * density))
    return current


# ---------------------------------------------------------------- 6. SET


def set_step(weights, masks, fraction, rng, allow_removed=True):
    """One SET rewiring, layer by layer (Mocanu et al., Nature Communications 2018, 1707.04780).

    In words: remove the fraction zeta of the layer's weights closest to zero, then add at random
    places as many new connections. Returns (masks, weights).

    Count: floor(fraction * alive), of the float64 product. Ties in magnitude: the lower row-major
    index is removed first.

    Comparison with the paper: it removes the fraction of the smallest POSITIVE and the fraction
    of the largest NEGATIVE weights, each sign by itself; here all alive weights of the layer are
    ranked by |w| together. Both take the weights nearest to 0 and (up to rounding) the same number;
    they differ when the signs' magnitudes differ: the paper removes the fraction from each sign
    even if one sign's weights are all large. Weights exactly 0 (grown, not yet trained) have no
    sign and would not be removed by the paper's words; here they go first.

    May a just-removed place be chosen again? The paper only says that as many are "randomly
    added"; after the removal such a place is simply unconnected, so decided: yes
    (allow_removed=True, always enough places). allow_removed=False draws only among the places
    dead before the step; then if too few, all of them are grown and the layer loses weights.
    New weights are 0 (asked; the paper is not specific, from memory), also at a place that was
    removed and chosen again. The paper omits the growth after the last epoch; here it is always done.

    rng: per layer in order, one rng.permutation(number of places); the first `count` of the
    places (listed in row-major order) are grown. Nothing is drawn for a layer with count 0.
    """
    new_masks, new_weights = [], []
    for w, m in zip(masked(weights, masks), masks, strict=True):
        value = w.reshape(-1).clone()
        before = m.reshape(-1).double().clone()
        alive = [p for p in range(value.numel()) if before[p] != 0]
        count = math.floor(fraction * len(alive))
        magnitudes = [abs(float(value[p])) for p in alive]
        after = before.clone()
        for position in first_indices(magnitudes, count):
            after[alive[position]] = 0.0
            value[alive[position]] = 0.0
        places = []
        for p in range(value.numel()):
            if after[p] == 0 and (allow_removed or before[p] == 0):
                places.append(p)
        if count > 0:
            order = rng.permutation(len(places))
            for position in order[:count]:
                after[places[int(position)]] = 1.0
                value[places[int(position)]] = 0.0
        new_masks.append(after.reshape(m.shape))
        new_weights.append(value.reshape(w.shape))
    return new_masks, new_weights


# ---------------------------------------------------------------- 7. RigL


def rigl_fraction(t, T_end, alpha):
    """RigL drop fraction (Evci et al., ICML 2020, 1911.11134): alpha/2 * (1 + cos(pi t / T_end)).

    In words: cosine decay from alpha at t = 0 to 0 at T_end. Updates happen only for t < T_end
    in the paper's algorithm, so 0 is returned from T_end on (the bare formula would rise again).
    """
    if t >= T_end:
        return 0.0
    return alpha / 2.0 * (1.0 + math.cos(math.pi * t / T_end))


def rigl_step(weights, masks, gradients, fraction):
    r"""One RigL update, layer by layer (Evci et al., ICML 2020, 1911.11134). Returns (masks, weights).

    In words: k = fraction of the layer's alive weights; I_drop = ArgTopK(-|w|, k) among the alive;
    I_grow = ArgTopK(|dense gradient|, k) among the places NOT in (alive minus I_drop); grown
    weights are 0. `gradients`: with respect to the weights in force, dead places included
    (`dense_gradients`), taken before the drop, on the network that still has the dropped weights.

    May a just-dropped place regrow? Yes: the paper's growth set is i not in theta \\ I_drop, the
    connections still active after the drop, so a dropped place competes by its gradient (from
    memory of the equation). Ambiguous: the value of a weight dropped and regrown in one step: new
    connections start at zero, so 0 (its old value is lost). The mask then comes out unchanged
    there but the weight is reset.

    Count: floor(fraction * alive) of the float64 product (the paper writes f_decay * (1 - s) N
    without saying how it is rounded). Ties: ArgTopK takes the lower row-major index first, both
    for dropping and for growing. There are always enough places (those just dropped).
    In the paper the optimiser step is skipped in an iteration that updates the masks.
    """
    new_masks, new_weights = [], []
    for w, m, g in zip(masked(weights, masks), masks, gradients, strict=True):
        value = w.reshape(-1).clone()
        mask = m.reshape(-1).double().clone()
        gradient = g.detach().double().reshape(-1)
        alive = [p for p in range(value.numel()) if mask[p] != 0]
        count = math.floor(fraction * len(alive))
        magnitudes = [abs(float(value[p])) for p in alive]
        for position in first_indices(magnitudes, count):
            mask[alive[position]] = 0.0
            value[alive[position]] = 0.0
        places = [p for p in range(value.numel()) if mask[p] == 0]
        negated = [-abs(float(gradient[p])) for p in places]
        for position in first_indices(negated, count):
            mask[places[position]] = 1.0
            value[places[position]] = 0.0
        new_masks.append(mask.reshape(m.shape))
        new_weights.append(value.reshape(w.shape))
    return new_masks, new_weights


def erk_densities(shapes, density):
    """Erdos-Renyi(-Kernel) densities of linear layers (SET 1707.04780; RigL 1911.11134).

    In words: a layer's density is eps * (n_in + n_out) / (n_in * n_out), eps common to the layers
    and such that the number of weights is density * total exactly (real numbers, no rounding to
    whole weights here). A layer that would exceed 1 is dense, and eps is solved again for the
    others, until none exceeds 1. Returns a list of floats.

    Ambiguous: the paper only says the sparsity scales with 1 - (n_in + n_out)/(n_in n_out); the
    treatment of layers above 1 is the one asked. All layers above 1 are set dense in a pass; one
    at a time gives the same (eps only grows when a layer is capped). Biases and BatchNorm are not counted.
    """
    sizes = [a * b for a, b in shapes]
    ratios = [(a + b) / (a * b) for a, b in shapes]
    target = density * sum(sizes)
    dense = [False] * len(shapes)
    while True:
        rest, unit = target, 0.0
        for layer in range(len(shapes)):
            if dense[layer]:
                rest -= sizes[layer]
            else:
                unit += ratios[layer] * sizes[layer]
        if unit == 0.0:
            return [1.0] * len(shapes)
        eps = rest / unit
        changed = False
        for layer in range(len(shapes)):
            if not dense[layer] and eps * ratios[layer] > 1.0:
                dense[layer] = True
                changed = True
        if not changed:
            break
    result = []
    for layer in range(len(shapes)):
        result.append(1.0 if dense[layer] else eps * ratios[layer])
    return result


# ---------------------------------------------------------------- 8. targeted dropout


def targeted_dropout(weight, gamma, alpha, rng):
    """Targeted weight dropout (Gomez et al., 2018 workshop / 2019, 1905.13678). Returns the weight used in this pass.

    In words: in each column (output unit), the gamma fraction of weights with the smallest |w| are
    candidates; each candidate is zeroed with probability alpha, independently. Expected share
    dropped: gamma * alpha. Redrawn at each forward pass; at test time no drop.

    Ambiguous: rounding of gamma * n_in: floor of the float64 product (the paper writes gamma|theta|).
    Ties: the lower row is a candidate first. No rescaling of the survivors by 1/(1 - alpha): the
    paper's equations have none for the targeted version (from memory) and a candidate is meant to
    be pruned in the end. Per column and not per layer: the paper's argmax-k is within a column
    (from memory). Masked weights (0) count as ordinary smallest weights, since no mask is passed.

    rng: one rng.random((n_in, n_out)), row-major, for all places, candidates or not; a candidate
    is dropped where its number is < alpha.
    """
    result = weight.detach().double().clone()
    rows, columns = result.shape
    draws = rng.random((rows, columns))
    count = math.floor(gamma * rows)
    for j in range(columns):
        magnitudes = [abs(float(weight[i, j])) for i in range(rows)]
        for i in first_indices(magnitudes, count):
            if draws[i, j] < alpha:
                result[i, j] = 0.0
    return result


def targeted_dropout_units(weight, gamma, alpha, rng):
    """Targeted unit dropout (Gomez et al., 1905.13678). Returns the weight used in this pass.

    In words: the gamma fraction of columns (output units) with the smallest L2 norm are candidates;
    each candidate column is zeroed whole with probability alpha.

    Ambiguous: floor(gamma * n_out), ties to the lower column, no rescaling, as above. The unit's
    bias is not touched (the paper's equations drop columns of the weight matrix); a caller who
    wants the unit silent must zero its bias too. rng: one rng.random(n_out); dropped where < alpha.
    """
    result = weight.detach().double().clone()
    rows, columns = result.shape
    draws = rng.random(columns)
    count = math.floor(gamma * columns)
    norms = []
    for j in range(columns):
        norms.append(math.sqrt(sum(float(weight[i, j]) ** 2 for i in range(rows))))
    for j in first_indices(norms, count):
        if draws[j] < alpha:
            result[:, j] = 0.0
    return result


# ---------------------------------------------------------------- 9. Smallify


def smallify_logits(weights, biases, masks, betas, alive, x):
    """Forward pass with switches (Leclerc et al. 2018, 1806.03723): a hidden layer's output times beta, unit by unit.

    Ambiguous: where the switch sits. Decided: on the layer's output x @ w + b, before the ReLU
    (so a negative beta flips the unit, it does not only scale it). betas and alive have one
    vector per HIDDEN layer: outputs (classes) cannot be removed. A removed switch counts as 0.
    """
    effective = masked(weights, masks)
    h = x.double()
    for layer in range(len(effective)):
        h = h @ effective[layer] + biases[layer].detach().double()
        if layer < len(effective) - 1:
            h = h * (betas[layer] * alive[layer].double())
            h = torch.where(h > 0, h, torch.zeros_like(h))
    return h


def smallify_loss(weights, biases, masks, betas, alive, x, y, lam):
    """Loss + lambda * sum |beta| over switches still there (Leclerc et al. 2018, 1806.03723).

    The paper also has a penalty on the weights, which stops the weights from growing while beta
    shrinks (from memory); it is left out (asked so): add weight decay outside.
    Ambiguous: sum or mean over switches: the sum, over all layers.
    """
    loss = cross_entropy(smallify_logits(weights, biases, masks, betas, alive, x), y)
    penalty = torch.zeros((), dtype=REAL)
    for beta, a in zip(betas, alive, strict=True):
        penalty = penalty + (beta.abs() * a.double()).sum()
    return loss + lam * penalty


def smallify_beta_step(beta, gradient, alive, lam, rate):
    """One SGD step on the switches: beta - rate * (dL/dbeta + lam * sign(beta)), sign(0) = 0.

    `gradient` is of the data loss alone. Plain subgradient, no soft-thresholding: the paper relies
    on beta then jumping around 0 (its sign being unstable), not on exact zeros. Removed: 0.
    """
    return (beta - rate * (gradient + lam * torch.sign(beta))) * alive.double()


def smallify_start(beta):
    """Starting moments of sign(beta): mean = sign(beta), variance = 0 (ambiguous; so decided).

    Zero variance at the start means that no switch is removed before its sign has changed.
    """
    return torch.sign(beta), torch.zeros_like(beta)


def smallify_moments(mean, variance, beta, momentum):
    """Exponential moving mean and variance of s = sign(beta) (Leclerc et al. 2018, 1806.03723).

        mean'     = momentum * mean + (1 - momentum) * s
        variance' = momentum * (variance + (1 - momentum) * (s - mean)**2)

    Ambiguous: the paper names an exponential moving variance without (from memory) its formula.
    Decided: the exact variance under the same exponential weights, that is EMA(s^2) - EMA(s)^2;
    as s is +1 or -1 it equals 1 - mean'^2 when started by `smallify_start`. (The other reading,
    momentum * variance + (1 - momentum) * (s - mean')**2, gives other numbers.) sign(0) = 0.
    """
    s = torch.sign(beta)
    new_mean = momentum * mean + (1.0 - momentum) * s
    new_variance = momentum * (variance + (1.0 - momentum) * (s - mean) ** 2)
    return new_mean, new_variance


def smallify_prune(beta, alive, variance, threshold):
    """Remove a switch whose sign variance is strictly above the threshold; for good, beta = 0."""
    new_alive = alive.double().clone()
    for unit in range(new_alive.numel()):
        if float(variance[unit]) > threshold:
            new_alive[unit] = 0.0
    return beta * new_alive, new_alive


def smallify_loss_and_prune(weights, biases, masks, betas, alive, means, variances, x, y, lam, momentum, threshold):
    """One round of Smallify's bookkeeping (Leclerc et al. 2018, 1806.03723).

    In words: the loss with the L1 penalty at the switches given; then the moments of their signs
    are updated, then switches with variance above the threshold are removed. The gradient step on
    beta (`smallify_beta_step`) is the caller's, before this. Returns
    (loss, betas, alive, means, variances). Ambiguous: the order of step, moments and removal.
    """
    loss = smallify_loss(weights, biases, masks, betas, alive, x, y, lam)
    new = ([], [], [], [])
    for beta, a, mean, variance in zip(betas, alive, means, variances, strict=True):
        mean, variance = smallify_moments(mean, variance, beta, momentum)
        beta, a = smallify_prune(beta, a, variance, threshold)
        for where, what in zip(new, (beta, a, mean, variance), strict=True):
            where.append(what)
    return (loss, *new)


# ---------------------------------------------------------------- 10. IteRand


def iterand_step(weights, scores, keep, rate, draw):
    """One randomisation of IteRand (Chijiwa et al., NeurIPS 2021, 2106.09269). Returns (masks, weights).

    In words: the layer's mask m keeps the top `keep` fraction of |score|; the others are
    re-drawn from the initial distribution D with probability `rate`:
        w' = m * w + (1 - m) * (b * fresh + (1 - b) * w),  b ~ Bernoulli(rate), fresh ~ D.
    Scores stay. To be called every K steps by the caller; between, only scores are trained
    (edge-popup), and the forward pass uses m * w. Pruned weights keep their values (not zeroed).

    draw(layer, shape) -> (uniform numbers in [0, 1), fresh weights), both of that shape, called
    once per layer in order; b = 1 where the number is < rate.

    Ambiguous: `keep` is a fraction; the count is round-half-up(keep * layer size). Ties in |score|:
    the lower row-major index is kept. |score| or score: |score| (asked).
    """
    new_masks, new_weights = [], []
    for layer in range(len(weights)):
        w = weights[layer].detach().double()
        size = w.numel()
        negated = [-abs(v) for v in scores[layer].detach().double().reshape(-1).tolist()]
        mask = torch.zeros(size, dtype=REAL)
        for place in first_indices(negated, round_half_up(keep * size)):
            mask[place] = 1.0
        uniform, fresh = draw(layer, tuple(w.shape))
        uniform, fresh = uniform.reshape(-1), fresh.reshape(-1)
        value = w.reshape(-1).clone()
        for place in range(size):
            if mask[place] == 0 and float(uniform[place]) < rate:
                value[place] = float(fresh[place])
        new_masks.append(mask.reshape(w.shape))
        new_weights.append(value.reshape(w.shape))
    return new_masks, new_weights


# ---------------------------------------------------------------- example


def _explicit_hessian_product(weights, biases, masks, x, y, temperature):
    """H g over alive weights with H built row by row (a check; small nets only)."""
    effective = masked(weights, masks)
    for w in effective:
        w.requires_grad_(True)
    loss = cross_entropy(logits_of(effective, biases, x) / temperature, y)
    gradient = torch.autograd.grad(loss, effective, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in gradient])
    alive = torch.cat([m.reshape(-1) for m in masks]).double()
    vector = flat.detach() * alive
    out = torch.zeros_like(vector)
    for row in range(flat.numel()):
        parts = torch.autograd.grad(flat[row], effective, retain_graph=True, allow_unused=True)
        parts = [torch.zeros_like(w) if p is None else p for p, w in zip(parts, effective, strict=True)]
        out[row] = (torch.cat([p.reshape(-1) for p in parts]) * vector).sum()
    return out * alive
