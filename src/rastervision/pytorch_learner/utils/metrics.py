"""Figures of batches, in the form of release 0.31."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rastervision.core.evaluation import confusion as cm


def compute_conf_mat(out: Tensor, y: Tensor, num_labels: int) -> Tensor:
    """Count pairs of true and predicted class ids.

    Args:
        out: Predicted class ids of any shape, or scores (N, K, ...) if there is one dimension more
            than in `y`.
        y: True class ids.
        num_labels: Number of classes K.

    Returns:
        (K, K) float32 counts; rows are true classes.
    """
    predicted = out.argmax(dim=1) if out.ndim > y.ndim else out
    matrix = cm.confusion_matrix(y.cpu().numpy(), predicted.cpu().numpy(), num_labels)
    return torch.from_numpy(matrix).float()


def compute_conf_mat_metrics(
    conf_mat: Any, label_names: Sequence[str], ignore_idx: int | None = None
) -> dict[str, float]:
    """Precision, recall and F1, averaged and per class.

    Averages weigh classes by how often they are true, and avg_f1 is the harmonic mean of the other
    two. Where there is nothing to divide by, the value is 0.

    Args:
        conf_mat: (K, K) counts, a tensor or an array; rows are true classes.
        label_names: K names of classes.
        ignore_idx: Class that does not count, neither as truth nor as prediction.

    Returns:
        avg_precision, avg_recall, avg_f1, and <class>_precision, <class>_recall, <class>_f1.
    """
    kept = [i for i in range(len(label_names)) if i != ignore_idx]
    matrix = np.asarray(conf_mat)[np.ix_(kept, kept)]
    per_class = np.nan_to_num([cm.precision(matrix), cm.recall(matrix), cm.f1(matrix)])
    share = np.nan_to_num(cm.ratio(matrix.sum(axis=1), matrix.sum()))
    precision, recall = per_class[:2] @ share
    metrics = {
        'avg_precision': float(precision),
        'avg_recall': float(recall),
        'avg_f1': float(np.nan_to_num(cm.harmonic_mean(precision, recall))),
    }
    for index, values in zip(kept, per_class.T, strict=True):
        for metric, value in zip(('precision', 'recall', 'f1'), values, strict=True):
            metrics[f'{label_names[index]}_{metric}'] = float(value)
    return metrics


def aggregate_metrics(
    outputs: Sequence[Mapping[str, Any]], exclude_keys: Container[str] = frozenset({'conf_mat'})
) -> dict[str, float]:
    """Means over batches.

    Args:
        outputs: Numbers, or tensors of one, by name; one mapping for each batch.
        exclude_keys: Names to leave out.
    """
    names = [name for name in (outputs[0] if outputs else ()) if name not in exclude_keys]
    return {name: sum(float(o[name]) for o in outputs) / len(outputs) for name in names}
