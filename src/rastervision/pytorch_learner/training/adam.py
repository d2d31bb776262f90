"""Adam that starts at once."""

from inspect import unwrap

import torch
from torch.optim import Adam


class QuickAdam(Adam):
    """Adam without the hooks for `torch.compile`, which take longer to import than all of PyTorch.

    The methods are those of PyTorch below its decorators, so it computes what `Adam` computes.
    """

    add_param_group = unwrap(Adam.add_param_group)
    load_state_dict = unwrap(Adam.load_state_dict)
    state_dict = unwrap(Adam.state_dict)
    step = torch.no_grad()(unwrap(Adam.step))
    zero_grad = unwrap(Adam.zero_grad)
