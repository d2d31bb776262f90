import logging

import torch

from rastervision.pytorch_learner.utils import log_system_details


def test_versions_are_logged(caplog):
    with caplog.at_level(logging.INFO):
        log_system_details()
    assert torch.__version__ in caplog.text
    assert ('No GPU' in caplog.text) != torch.cuda.is_available()
