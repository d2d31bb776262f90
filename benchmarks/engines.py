"""Compare engines for prediction on the CPU: eager PyTorch and what a bundle's model runs on.

    OMP_NUM_THREADS=1 python benchmarks/engines.py [small unet efficientnet deeplab tiny]

For each model, a learner writes its bundle (the time for the ONNX in it is told) and the bundle is
loaded again with each engine. All engines score the same batches in turn, several times; the
figures are medians of CPU seconds and wall seconds of a batch. `eager` is the plain network as
PyTorch runs it, `torch` the learner's (memory in the order of channels_last). One table and one line
of JSON go to stdout.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def small():
    from cases import small_model

    return small_model()


def unet():
    import segmentation_models_pytorch as smp

    return smp.Unet('resnet18', encoder_weights=None, classes=2)


def efficientnet():
    import segmentation_models_pytorch as smp

    return smp.Unet('tu-tf_efficientnet_lite0', encoder_weights=None, classes=2)


def deeplab():
    from torchvision.models.segmentation import deeplabv3_resnet50

    return deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=2)


def tiny():
    sys.path.insert(0, str(Path(__file__).parent / 'tiny_model'))
    from hubconf import make_model

    return make_model()


MODELS = {f.__name__: f for f in (small, unet, efficientnet, deeplab, tiny)}


def learners(model, img_sz, folder):
    """Learners of one bundle by engine, and the seconds that its ONNX took."""
    import torch
    from torch.utils.data import TensorDataset

    from rastervision.core.data.class_config import ClassConfig
    from rastervision.pipeline.errors import RVError
    from rastervision.pytorch_learner import (
        SemanticSegmentationGeoDataConfig,
        SemanticSegmentationLearner,
        SemanticSegmentationLearnerConfig,
        SolverConfig,
    )

    data = SemanticSegmentationGeoDataConfig(
        class_config=ClassConfig(names=['a', 'b']), img_channels=3, img_sz=img_sz
    )
    cfg = SemanticSegmentationLearnerConfig(data=data, solver=SolverConfig())
    chips = TensorDataset(torch.rand(2, 3, 64, 64), torch.zeros(2, 64, 64, dtype=torch.long))
    trained = SemanticSegmentationLearner(cfg, folder, train_ds=chips, model=model)
    clock = time.process_time()
    trained.save_model_bundle(export_onnx=False)
    plain = time.process_time()
    trained.save_model_bundle(export_onnx=True)
    export = (time.process_time() - plain) - (plain - clock)
    found = {}
    for engine in ('torch', 'onnxruntime', 'openvino'):
        learner = SemanticSegmentationLearner.from_model_bundle(
            str(trained.folder.bundle), model=model, use_onnx_model=engine != 'torch'
        )
        try:
            learner.use_engine(engine)
        except RVError as error:
            print(error, file=sys.stderr)
        else:
            found[engine] = learner
    return found, export


def measure(name, args):
    import torch

    torch.manual_seed(0)
    model = MODELS[name]().eval()
    x = torch.rand(args.batch, 3, args.size, args.size)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        with torch.inference_mode(False):
            import copy

            found, export = learners(copy.deepcopy(model), args.size, folder)
        runs = {'eager': model, **{k: v.forward for k, v in found.items()}}
        times = {k: [] for k in runs}
        for repeat in range(args.repeats + 1):
            for engine, run in runs.items():
                cpu, wall = time.process_time(), time.perf_counter()
                run(x)
                if repeat:
                    times[engine].append((time.process_time() - cpu, time.perf_counter() - wall))
        scores = {}
        for engine, run in runs.items():
            out = run(x)
            scores[engine] = (out['out'] if isinstance(out, dict) else out).softmax(1)
    rows = []
    for engine, values in times.items():
        cpu, wall = (statistics.median(v) for v in zip(*values))
        rows.append({
            'model': name,
            'engine': engine,
            'threads': torch.get_num_threads(),
            'cpu_s': round(cpu, 4),
            'wall_s': round(wall, 4),
            'difference': float((scores[engine] - scores['eager']).abs().max()),
            'export_s': round(export, 2),
        })
    for row in rows:
        row['faster_cpu'] = round(rows[0]['cpu_s'] / row['cpu_s'], 2)
        row['faster_wall'] = round(rows[0]['wall_s'] / row['wall_s'], 2)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('models', nargs='*', help=f'of {", ".join(MODELS)}; small by default')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--size', type=int, default=256)
    parser.add_argument('--repeats', type=int, default=5)
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.INFO)
    rows = [row for name in args.models or ['small'] for row in measure(name, args)]
    head = ('model', 'engine', 'threads', 'cpu_s', 'wall_s', 'faster_cpu', 'faster_wall',
            'difference', 'export_s')
    print('  '.join(f'{h:>12}' for h in head))
    for row in rows:
        print('  '.join(f'{row[h]:>12.3g}' if isinstance(row[h], float) else f'{row[h]:>12}'
                        for h in head))
    print(json.dumps({'case': 'engines', 'rows': rows}))


if __name__ == '__main__':
    main()
