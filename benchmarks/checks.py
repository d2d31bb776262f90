"""Checks that only this implementation passes: scene size, seams, resume, scaling over workers.

The same as cases.py, and with its cases:

    python checks.py NAME --cache DIR         prints one JSON line
    python checks.py --list

Inputs that gen.py does not make (large scenes that take little disk) are made in the cache folder at
first use. `run.py` leaves scene_50k out unless it is told otherwise (`--skip ''`).
"""
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from os.path import join
from pathlib import Path

import cases
from cases import OUT, digest, rss, timed

HERE = Path(__file__).resolve().parent


def large_image(side):
    """A scene of side x side pixels whose tiles hold gradients: a megabyte or so per 10,000^2."""
    path = cases.CACHE / f'gradient_{side}.tif'
    if path.exists():
        return str(path)
    import numpy as np
    import rasterio
    from gen import profile
    from rasterio.windows import Window
    y, x = np.mgrid[:256, :side].astype(np.uint32)
    part = path.with_suffix('.part')
    with rasterio.open(part, 'w', **profile(side, 3, 'uint8', bigtiff='if_safer')) as ds:
        for top in range(0, side, 256):
            n = min(256, side - top)
            tile = x // 256 + top // 256
            rows = np.stack([x * (1 + tile % 3), y * (1 + tile % 5), x + y + 16 * tile])
            ds.write(rows[:, :n].astype(np.uint8), window=Window(0, top, side, n))
    os.replace(part, path)
    return str(path)


def pipeline(root, image, model, **options):
    """A pipeline whose model is there, ready to predict."""
    import torch
    from checks_config import get_config
    from rastervision.pytorch_learner import SemanticSegmentationLearner
    cfg = get_config('inprocess', root, image, model, **options)
    cfg.update()
    if not Path(root, 'train', 'model-bundle.zip').exists():
        ds = torch.utils.data.TensorDataset(
            torch.zeros(4, 3, 64, 64), torch.zeros(4, 64, 64).long())
        SemanticSegmentationLearner(
            cfg.backend.get_learner_config(cfg), tmp_dir=cases.TMP, train_ds=ds, valid_ds=ds,
            training=True).save_model_bundle()
    pipe = cfg.build(cases.TMP)
    pipe.build_backend()
    return pipe


def label_sha(root):
    """What names the bytes of the labels that PREDICT has written."""
    with open(join(root, 'predict', 'scene', 'labels.tif'), 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest()[:12]


def cutout(side):
    """The upper left corner of the 4k image: a file with it, and its pixels (3, side, side)."""
    import rasterio
    path = join(cases.TMP, f'cutout_{side}.tif')
    with rasterio.open(cases.CACHE / 'u8_4k.tif') as ds:
        pixels = ds.read(window=rasterio.windows.Window(0, 0, side, side))
        kw = {**ds.profile, 'width': side, 'height': side}
    with rasterio.open(path, 'w', **kw) as ds:
        ds.write(pixels)
    return path, pixels


def cli(runner, root, image, splits=1, **options):
    """The command line that predicts with the pipeline of checks_config.py, as `pipeline` made it."""
    args = [w for k, v in dict(root=root, image=image, **options).items() for w in ('-a', k, str(v))]
    waiting = ['--wait'] if runner == 'slurm' else []
    return [
        join(os.path.dirname(sys.executable), 'rastervision'), 'run', runner,
        str(HERE / 'checks_config.py'), 'predict', '-s', str(splits), *waiting, *args]


MEASURED = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([round(used.ru_maxrss / 1024), used.ru_utime + used.ru_stime]))
"""


def predict_by(name, runner, image, workers, model, **options):
    """Time PREDICT of a runner; the hash of its labels.

    Memory is that of the largest process that the command has started, CPU time that of all.
    """
    root = join(cases.TMP, name)
    pipeline(root, image, model, **options)
    # the process in between is small: at first, a child counts the memory of its parent as its own
    command = [sys.executable, '-c', MEASURED,
               *cli(runner, root, image, workers, model=model, **options)]
    env = dict(os.environ, OMP_NUM_THREADS='1')
    if runner == 'slurm':
        env.setdefault('SLURM_MEM', '2G')
    with timed(name):
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=env)
    OUT['rss_mb'][name], OUT['cpu'][name] = json.loads(done.stdout)
    if runner == 'slurm':  # what its daemon has started is none of ours
        del OUT['rss_mb'][name], OUT['cpu'][name]
    return label_sha(root)


@cases.cases(**{'4k': dict(side=4000), '10k': dict(side=10000), '20k': dict(side=20000),
                '50k': dict(side=50000), 'scores_4k': dict(side=4000, scores='uint8'),
                'scores_10k': dict(side=10000, scores='uint8')})
def scene(side, scores=''):
    """Seven classes, overlapping windows, Hann blending, hardly any model: memory and speed."""
    root = join(cases.TMP, 'root')
    pipe = pipeline(root, large_image(side), 'linear', scores=scores)
    before = rss()
    with timed('predict') as t:
        pipe.predict()
    OUT['figures'].update(mpx_s=side * side / 1e6 / t.s, mb_above_model=rss() - before)
    out = Path(root, 'predict', 'scene')
    OUT['figures']['output_mb'] = sum(p.stat().st_size for p in out.rglob('*.tif')) / 1e6
    digest(labels=label_sha(root))


@cases.cases(**{'4k': dict(side=4000), '10k': dict(side=10000), '20k': dict(side=20000)})
def scene_split(side):
    """The scene of scene_4k and so on, on two worker processes: the memory of the larger one."""
    labels = predict_by('workers_2', 'local', large_image(side), 2, 'linear')
    OUT['figures'].update(mpx_s=side * side / 1e6 / OUT['seconds']['workers_2'],
                          worker_mb=OUT['rss_mb']['workers_2'])
    digest(labels=labels)


@cases.case
def seams():
    """Windows cropped to what they know for sure, against one pass over the whole image."""
    import numpy as np
    import rasterio
    import torch
    root = join(cases.TMP, 'root')
    image, pixels = cutout(1500)
    pipe = pipeline(root, image, 'convolutions', chip=256, stride=200, crop=16, scores='float32')
    with timed('predict'):
        pipe.predict()
    sys.path.insert(0, str(HERE / 'check_models'))
    from hubconf import convolutions
    with torch.inference_mode():
        x = torch.from_numpy(pixels).float()[None] / 255
        whole = convolutions(7)(x).softmax(1)[0].numpy()
    with rasterio.open(Path(root, 'predict', 'scene', 'scores.tif')) as ds:
        windowed = ds.read()
    inner = np.s_[:, 16:-16, 16:-16]
    OUT['figures']['largest_difference'] = float(abs(whole - windowed)[inner].max())
    digest(equal_to_1e_5=bool(np.allclose(whole[inner], windowed[inner], atol=1e-5)))


@cases.case
def resume():
    """PREDICT killed half-way and run again: the same bytes, and hardly any work done twice."""
    image = str(cases.CACHE / 'u8_4k.tif')
    whole, broken = join(cases.TMP, 'whole'), join(cases.TMP, 'broken')
    options = dict(model='resnet', chip=256, stride=256)
    for root in (whole, broken):
        pipeline(root, image, **options)
    with timed('whole'):
        subprocess.run(cli('local', whole, image, **options), check=True, stdout=subprocess.DEVNULL)
    with timed('until_killed'):
        p = subprocess.Popen(cli('local', broken, image, **options), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
        while p.poll() is None and len(list(Path(broken).rglob('*.part'))) < 2:
            time.sleep(0.02)
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()
    with timed('rest'):
        subprocess.run(cli('local', broken, image, **options), check=True, stdout=subprocess.DEVNULL)
    s = OUT['seconds']
    OUT['figures']['work_done_twice'] = (s['until_killed'] + s['rest']) / s['whole'] - 1
    digest(same_bytes=label_sha(whole) == label_sha(broken))


@cases.cases(local=dict(runner='local'), dask=dict(runner='dask'), slurm=dict(runner='slurm'))
def scaling(runner):
    """One scene in-process, on one worker of a runner and on two, one thread each.

    `start` is a scene of four windows on two workers: hardly more than the start of processes.
    """
    if runner == 'slurm' and not slurm_answers():
        OUT['figures']['skipped'] = 'no SLURM answers; tools/slurm_one_host.sh starts one'
        return
    image, options = str(cases.CACHE / 'u8_4k.tif'), dict(model='resnet', chip=256, stride=256)
    predict_by('start', runner, cutout(512)[0], 2, **options)
    shas = {predict_by('inprocess', 'inprocess', image, 1, **options)}
    shas |= {predict_by(f'workers_{n}', runner, image, n, **options) for n in (1, 2)}
    s = OUT['seconds']
    OUT['figures'].update(
        speed_up=s['workers_1'] / s['workers_2'], share_of_start=s['start'] / s['workers_2'])
    digest(same_bytes=len(shas) == 1)


def slurm_answers():
    try:
        return not subprocess.run(['sinfo'], capture_output=True).returncode
    except FileNotFoundError:
        return False


@cases.cases(torch=dict(engine='torch'), auto=dict(engine='auto'))
def pipeline_resnet(engine):
    """PREDICT with a small real model, against its forward passes alone in eager PyTorch."""
    import torch
    root = join(cases.TMP, 'root')
    pipe = pipeline(root, str(cases.CACHE / 'u8_4k.tif'), 'resnet', chip=256, stride=256)
    pipe.config.predict_options.engine = engine
    model = pipe.backend.learner.model.eval()
    x = torch.rand(4, 3, 256, 256)
    with torch.inference_mode():
        model(x)
        with timed('forward_only') as t1:
            for _ in range(64):
                model(x)
    with timed('predict') as t2:
        pipe.predict()
    OUT['figures']['overhead_factor'] = t2.s / t1.s


if __name__ == '__main__':
    cases.main()
