"""Optimizers, schedulers and losses that break what they are held to. torch is imported inside."""

# -- optimizers ------------------------------------------------------------------------------------


def good_optimizer(params, /, *, lr: float = 0.05):
    """Stochastic gradient descent.

    Options:
        lr: learning rate.
    """
    import torch

    return torch.optim.SGD(params, lr=lr)


def no_optimizer(params, /):
    """It gives a function."""
    return lambda: None


def without_the_last(params, /):
    """It leaves the last parameter out."""
    import torch

    return torch.optim.SGD(params[:-1], lr=0.05)


def with_another(params, /):
    """It has a parameter of its own."""
    import torch

    return torch.optim.SGD([*params, torch.nn.Parameter(torch.zeros(1))], lr=0.05)


def upwards(params, /):
    """It goes up the gradient."""
    import torch

    return torch.optim.SGD(params, lr=0.05, maximize=True)


def dense_adam(params, /):
    """Adam, which takes no sparse gradients."""
    import torch

    return torch.optim.Adam(params, lr=0.05)


def sparse_sgd(params, /):
    """Stochastic gradient descent, which takes sparse gradients."""
    import torch

    return torch.optim.SGD(params, lr=0.05)


def blind(params, /):
    """It looks at every gradient."""
    import torch

    class Blind(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.sub_(0.05 * parameter.grad)

    return Blind(params, {"lr": 0.05})


def for_layers(params, module, /):
    """It is for modules that tell their layers."""
    import torch

    from textforge import RecipeError

    if not hasattr(module, "layers"):
        raise RecipeError("optimizer 'for-layers': the model has no layers. Use 'sgd'.")
    return torch.optim.SGD([{"params": list(layer.parameters()), "lr": 0.1} for layer in module.layers], lr=0.1)


def layered(n_features, n_classes):
    from torch import nn

    from textforge import FeatureLinear

    module = nn.Sequential(FeatureLinear(n_features, 8), nn.Linear(8, n_classes))
    module.layers = list(module)
    return module


def undeclared_closure(params, /):
    """It needs a closure, and its factory does not say so."""
    from sharpness_aware import SharpnessAware

    return SharpnessAware(params, lr=0.05, rho=0.05)


def closure_too_late(params, /):
    """It needs gradients before the closure, and its factory says that it does not."""
    import torch

    class Mixed(torch.optim.SGD):
        @torch.no_grad()
        def step(self, closure):
            before = [None if one.grad is None else one.grad.clone() for one in self.param_groups[0]["params"]]
            closure()
            for parameter, gradient in zip(self.param_groups[0]["params"], before, strict=True):
                if gradient is not None:
                    parameter.grad += gradient
            super().step()

    return Mixed(params, lr=0.05)


def closure_alone(params, /):
    """It takes all gradients from the closure, and its factory says that it needs some before."""
    import torch

    return torch.optim.LBFGS(params, max_iter=3, line_search_fn="strong_wolfe")


def idle_closure(params, /):
    """It says that it needs a closure, and calls none."""
    import torch

    class Idle(torch.optim.SGD):
        def step(self, closure=None):
            super().step()

    return Idle(params, lr=0.05)


def halving_modes(**methods):
    """Stochastic gradient descent that keeps half of each weight in evaluation mode."""
    import torch

    class Halving(torch.optim.SGD):
        training = False

        def scale(self, factor):
            for parameter in self.param_groups[0]["params"]:
                parameter.data.mul_(factor)

        def train(self):
            if not self.training and self.started():
                self.scale(2)
            self.training = True

        def eval(self):
            if self.training and self.started():
                self.scale(0.5)
            self.training = False

        def started(self):
            return self.param_groups[0].get("steps", 0) > 0

        @torch.no_grad()
        def step(self, closure=None):
            super().step()
            self.param_groups[0]["steps"] = self.param_groups[0].get("steps", 0) + 1

    return type("Modes", (Halving,), methods)


def good_modes(params, /):
    """It has two modes, which undo each other; the mode is no part of its state."""
    return halving_modes()(params, lr=0.05)


def one_mode(params, /):
    """It has one mode."""
    return halving_modes(eval=None)(params, lr=0.05)


def one_way(params, /):
    """It does not come back from evaluation mode."""
    return halving_modes(train=lambda self: setattr(self, "training", True))(params, lr=0.05)


def ever_smaller(params, /):
    """It halves the weights at each call."""
    return halving_modes(eval=lambda self: (self.scale(0.5), setattr(self, "training", False)))(params, lr=0.05)


def forgetful(params, /):
    """It keeps its momentum where no state_dict finds it."""
    import torch

    class Forgetful(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self, closure=None):
            self.means = getattr(self, "means", {})
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        mean = self.means.setdefault(parameter, torch.zeros_like(parameter))
                        parameter.sub_(0.05 * mean.mul_(0.9).add_(parameter.grad))

    return Forgetful(params, {"lr": 0.05})


closure_too_late.needs_closure = True
closure_alone.needs_closure = idle_closure.needs_closure = "after_gradients"
dense_adam.sparse_gradients = sparse_sgd.sparse_gradients = True

# -- schedulers ------------------------------------------------------------------------------------


def following(optimizer, factor):
    from torch.optim.lr_scheduler import LambdaLR

    return LambdaLR(optimizer, factor)


def good_scheduler(optimizer, total_steps: int, /):
    """Down to a half."""
    return following(optimizer, lambda step: 1 - 0.5 * step / total_steps)


def plateau(optimizer, monitor_mode: str, /):
    """Lower where nothing gets better."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    return ReduceLROnPlateau(optimizer, mode=monitor_mode, patience=0)


def refusing_short(optimizer, total_steps: int, /):
    """It is for ten steps or more."""
    from textforge import RecipeError

    if total_steps < 10:
        raise RecipeError("scheduler 'refusing-short' needs ten steps. Train for more epochs.")
    return following(optimizer, lambda step: 1.0)


def no_scheduler(optimizer, /):
    """It gives a function."""
    return lambda: None


def dividing_by_what_is_left(optimizer, total_steps: int, /):
    """It divides by zero where there is but one step."""
    return following(optimizer, lambda step: 1 / (total_steps - 1))


def too_far_down(optimizer, total_steps: int, /):
    """It goes below zero."""
    return following(optimizer, lambda step: 1 - step / 100)


def the_same_for_all(optimizer, /):
    """It gives every group the rate of the first."""
    first = optimizer.param_groups[0]["lr"]
    from torch.optim.lr_scheduler import LRScheduler

    class Same(LRScheduler):
        def get_lr(self):
            return [first for _ in self.optimizer.param_groups]

    return Same(optimizer)


# -- losses ----------------------------------------------------------------------------------------


def cross_entropy(logits, targets):
    from torch.nn import functional

    if targets.ndim == 2:
        return functional.binary_cross_entropy_with_logits(logits, targets)
    return functional.cross_entropy(logits, targets)


def good_loss():
    """Cross-entropy."""
    return cross_entropy


def single_loss(multi_label: bool, /):
    """Cross-entropy, for one label a text."""
    from textforge import RecipeError

    if multi_label:
        raise RecipeError("loss 'single-loss' is for one label a text. Use 'good-loss'.")
    return cross_entropy


def several_loss(multi_label: bool, /):
    """Binary cross-entropy, for several labels a text."""
    from textforge import RecipeError

    if not multi_label:
        raise RecipeError("loss 'several-loss' is for several labels a text. Use 'good-loss'.")
    return cross_entropy


def no_loss():
    """It gives a number."""
    return 3.0


def one_each():
    """It gives a number for each text."""
    from torch.nn import functional

    return lambda logits, targets: functional.cross_entropy(logits, targets, reduction="none")


def without_gradient():
    """No gradient goes back."""
    return lambda logits, targets: cross_entropy(logits.detach(), targets)


def summed():
    """It grows with the batch."""
    return lambda logits, targets: cross_entropy(logits, targets) * len(targets)


def first_first():
    """The first text counts more."""

    def cyclic(logits, targets):
        import torch

        weights = torch.cos(torch.arange(len(targets)) * torch.pi / 12) * 0.5 + 1
        each = torch.stack([cross_entropy(logits[n : n + 1], targets[n : n + 1]) for n in range(len(targets))])
        return (each * weights).mean()

    return cyclic


def by_weights_of_the_batch(class_counts, /):
    """A weighted mean, as torch's."""
    import torch
    from torch.nn import functional

    weights = torch.from_numpy(class_counts.sum() / class_counts).float()

    def loss(logits, targets):
        if targets.ndim == 2:
            return cross_entropy(logits, targets)
        return functional.cross_entropy(logits, targets, weight=weights)

    return loss


def comparing(class_counts, /):
    """The same, which says so."""
    return by_weights_of_the_batch(class_counts)


comparing.whole_batch = True


def by_sum_of_weights():
    """A loss that divides by the weights of the batch."""

    def loss(logits, targets, weights=None):
        if weights is None:
            return cross_entropy(logits, targets)
        each = cross_entropy(logits, targets)
        return (each * weights).sum() / 7

    return loss


def weighing():
    """A loss that weighs texts."""
    import torch

    def loss(logits, targets, weights=None):
        each = torch.stack([cross_entropy(logits[n : n + 1], targets[n : n + 1]) for n in range(len(targets))])
        return (each if weights is None else each * weights).mean()

    return loss


def deferring(epochs: int, /):
    """A loss that doubles in the last epoch."""
    return lambda logits, targets, epoch=1: cross_entropy(logits, targets) * (2 if epoch == epochs else 1)


def counting():
    """A loss that counts the epochs by itself."""
    seen = []

    def loss(logits, targets, epoch=1):
        if seen[-1:] != [epoch]:
            seen.append(epoch)
        return cross_entropy(logits, targets) * len(seen)

    return loss


def the_worse_the_better():
    """A larger loss is the better."""
    return lambda logits, targets: -cross_entropy(logits, targets)


def naive():
    """The logarithm of a probability."""

    def loss(logits, targets):
        if targets.ndim == 2:
            return cross_entropy(logits, targets)
        return -logits.softmax(dim=1).gather(1, targets[:, None]).log().mean()

    return loss


def changing():
    """It changes the logits."""

    def loss(logits, targets):
        found = cross_entropy(logits, targets)
        if not logits.requires_grad:
            logits.zero_()
        return found

    return loss


def of_three(n_classes, /):
    """It knows three classes."""
    import torch

    return lambda logits, targets: cross_entropy(logits * torch.ones(3), targets)


def single_only(multi_label: bool, /):
    """It refuses several labels without a word of what takes them."""
    from textforge import RecipeError

    if multi_label:
        raise RecipeError("one label a text only")
    return cross_entropy


def unaware():
    """It knows nothing of several labels."""
    from torch.nn import functional

    return lambda logits, targets: functional.nll_loss(logits.log_softmax(dim=1), targets)
