import copy
import subprocess
import sys

import torch

from rastervision.pytorch_learner.training.adam import QuickAdam


def trained(cls):
    """Weights and state after some steps, half of them after the state was loaded anew."""
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 3, 3)
    optimizer = cls([model.weight], lr=0.01)
    optimizer.add_param_group({'params': [model.bias], 'lr': 0.1})
    for _ in range(2):
        for _ in range(4):
            optimizer.zero_grad()
            (model(torch.rand(2, 3, 8, 8)) ** 2).sum().backward()
            optimizer.step()
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return model.state_dict(), optimizer.state_dict()


def test_it_computes_what_adam_computes():
    ours, theirs = trained(QuickAdam), trained(torch.optim.Adam)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_it_imports_no_compiler():
    code = f"""
import sys
sys.path.insert(0, {__file__.rpartition('test_adam.py')[0]!r})
from test_adam import *
trained(QuickAdam)
assert 'torch._dynamo' not in sys.modules
"""
    subprocess.run([sys.executable, '-c', code], check=True, timeout=120)
