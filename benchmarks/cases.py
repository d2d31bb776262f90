"""The benchmark's cases.  One case per process:

    python cases.py NAME --cache DIR          prints one JSON line
    python cases.py --list

Only the public API of `rastervision` (import paths as of 0.31) is used, so the
same file measures any implementation of it.  Every case has a fixed seed and
gives `seconds` (named timings), `figures` (rates and sizes) and `digest`
(results, to compare between implementations).
"""
import argparse
import hashlib
import json
import logging
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from os.path import join
from pathlib import Path

warnings.filterwarnings('ignore')
HERE = Path(__file__).resolve().parent
PROCESS_START = time.perf_counter()
OUT = dict(seconds={}, cpu={}, figures={}, digest={}, rss_mb={})
CASES = {}
CACHE = None
TMP = None


def rss():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class timed:
    """Times a block (wall and this process's CPU); notes the peak RSS after."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.c = time.process_time()
        self.t = time.perf_counter()
        return self

    def __exit__(self, *exc):
        self.s = time.perf_counter() - self.t
        OUT['seconds'][self.name] = self.s
        OUT['cpu'][self.name] = time.process_time() - self.c
        OUT['rss_mb'][self.name] = round(rss())


def case(f):
    CASES[f.__name__] = (f, {})
    return f


def cases(**variants):
    def deco(f):
        for tag, kw in variants.items():
            CASES[f'{f.__name__}_{tag}'] = (f, kw)
        return f
    return deco


def seed(n=0):
    import numpy as np
    random.seed(n)
    np.random.seed(n)
    if 'torch' in sys.modules:
        import torch
        torch.manual_seed(n)


def digest(**kw):
    import numpy as np
    for k, v in kw.items():
        if isinstance(v, np.ndarray):
            v = v.tolist()
        elif isinstance(v, np.generic):
            v = v.item()
        OUT['digest'][k] = v


def crc(a):
    import numpy as np
    return hashlib.md5(np.ascontiguousarray(a).tobytes()).hexdigest()[:12]


def uri(name):
    return str(CACHE / name)


def class_config():
    from rastervision.core.data import ClassConfig
    return ClassConfig(names=['background', 'building'],
                       null_class='background')


def image_source(name, **kw):
    from rastervision.core.data import RasterioSource
    return RasterioSource(uri(name), **kw)


def vector_source(tag, crs_transformer, class_id=1):
    from rastervision.core.data import (ClassInferenceTransformer,
                                        GeoJSONVectorSource)
    return GeoJSONVectorSource(
        uri(f'bld_{tag}.geojson'), crs_transformer,
        vector_transformers=[ClassInferenceTransformer(class_id)])


def ss_scene(image, tag, labels=True, **kw):
    from rastervision.core.data import (RasterizedSource, Scene,
                                        SemanticSegmentationLabelSource)
    rs = image_source(image, **kw)
    ls = None
    if labels:
        vs = vector_source(tag, rs.crs_transformer)
        ls = SemanticSegmentationLabelSource(
            RasterizedSource(vs, background_class_id=0, bbox=rs.extent),
            class_config())
    return Scene(id='scene', raster_source=rs, label_source=ls)


# ------------------------------------------------------------------ 1 start


def spawn(name, args, reps=1):
    best = []
    for _ in range(reps):
        t = time.perf_counter()
        subprocess.run(args, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        best.append(time.perf_counter() - t)
    OUT['seconds'][name] = sorted(best)[len(best) // 2]


@case
def cli_start():
    """`rastervision --help`, and imports, each in a fresh process."""
    py = sys.executable
    spawn('help', [join(os.path.dirname(py), 'rastervision'), '--help'])
    for m in ('rastervision.pipeline', 'rastervision.core.data',
              'rastervision.pytorch_learner'):
        spawn(f'import {m}', [py, '-c', f'import {m}'])


# ---------------------------------------------------------------- 2 analyze


@cases(u8_4k=dict(image='u8_4k.tif'), u8_10k=dict(image='u8_10k.tif'),
       u16_4k=dict(image='u16_4k.tif'))
def analyze(image):
    """RasterStats over a scene: all of it, then a tenth; StatsAnalyzer's file."""
    from rastervision.core.analyzer import StatsAnalyzer
    from rastervision.core.data import Scene
    from rastervision.core.raster_stats import RasterStats
    rs = image_source(image)
    seed()
    full = RasterStats()
    with timed('full') as t:
        full.compute([rs])
    OUT['figures']['full_mpx_s'] = rs.extent.area / 1e6 / t.s
    digest(means=full.means.round(6), stds=full.stds.round(6),
           counts=full.counts)
    seed()
    stats_uri = join(TMP, 'stats.json')
    with timed('sample_0.1') as t:
        StatsAnalyzer(stats_uri, sample_prob=0.1).process(
            [Scene(id='s', raster_source=rs)], TMP)
    s = RasterStats.load(stats_uri)
    digest(sample_means=s.means.round(2))


# ------------------------------------------------------------------ 3 chips


def read_chips(ds, name, n=None):
    import torch
    n = n or len(ds)
    sx = sy = 0.0
    with timed(name) as t:
        for i in range(n):
            x, y = ds[i]
            sx += float(x[..., 0, 0].sum())
            if y.ndim == 2:
                sy += int(y.sum())
    OUT['figures'][f'{name}_per_s'] = n / t.s
    digest(**{f'{name}_n': n, f'{name}_shape': list(x.shape),
              f'{name}_x': round(sx, 3), f'{name}_y': sy})
    assert isinstance(x, torch.Tensor)


@cases(u8_4k=dict(image='u8_4k.tif', tag='4k'),
       u8_10k=dict(image='u8_10k.tif', tag='10k'),
       u16_4k=dict(image='u16_4k.tif', tag='4k', stats=True))
def chips_sliding(image, tag, stats=False):
    """Sliding 256-px chips with labels rasterized from polygons, one process."""
    from rastervision.core.data import StatsTransformer
    from rastervision.pytorch_learner import (
        SemanticSegmentationSlidingWindowGeoDataset as DS)
    seed()
    kw = {}
    if stats:
        kw = dict(raster_transformers=[
            StatsTransformer(means=[420, 400, 360], stds=[220, 200, 160])])
    with timed('open'):
        scene = ss_scene(image, tag, **kw)
        ds = DS(scene, size=256, stride=256)
    read_chips(ds, 'chips')
    scene2 = ss_scene(image, tag, labels=False, **kw)
    read_chips(DS(scene2, size=256, stride=256), 'chips_nolabel')


@cases(u8_10k=dict(image='u8_10k.tif', tag='10k'))
def chips_random(image, tag):
    """1,000 random windows of 200 to 300 px, resized to 256."""
    from rastervision.pytorch_learner import (
        SemanticSegmentationRandomWindowGeoDataset as DS)
    seed()
    with timed('open'):
        scene = ss_scene(image, tag)
    try:
        ds = DS(scene, size_lims=(200, 300), out_size=256, max_windows=1000)
    except Exception as e:  # see BASELINE.md: removed albumentations argument
        OUT['figures']['out_size_error'] = f'{type(e).__name__}: {e}'[:120]
        ds = None
    if ds is not None:
        read_chips(ds, 'chips')
    # without resizing (out_size=None gives numpy arrays): the read alone
    seed()
    ds = DS(scene, size_lims=(256, 257), out_size=None, max_windows=1000)
    n = sx = 0
    with timed('chips_raw') as t:
        for i in range(len(ds)):
            x, y = ds[i]
            sx += int(x[0, 0].sum())
            n += 1
    OUT['figures']['chips_raw_per_s'] = n / t.s
    digest(raw_x=sx)


# ----------------------------------------------------------- 4 chip command


def scene_cfg(id, image, labels, bbox=None, label_store=None):
    from rastervision.core.data import (
        ClassInferenceTransformerConfig, GeoJSONVectorSourceConfig,
        RasterioSourceConfig, RasterizedSourceConfig, RasterizerConfig,
        SceneConfig, SemanticSegmentationLabelSourceConfig)
    vs = GeoJSONVectorSourceConfig(
        uris=uri(labels),
        transformers=[ClassInferenceTransformerConfig(default_class_id=1)])
    ls = SemanticSegmentationLabelSourceConfig(
        raster_source=RasterizedSourceConfig(
            vector_source=vs,
            rasterizer_config=RasterizerConfig(background_class_id=0)))
    return SceneConfig(
        id=id,
        raster_source=RasterioSourceConfig(
            uris=uri(image), channel_order=[0, 1, 2]),
        label_source=ls)


@cases(u8_4k=dict(image='u8_4k.tif', tag='4k'),
       u8_10k=dict(image='u8_10k.tif', tag='10k'))
def chip_command(image, tag):
    """The pipeline's CHIP command, 256-px sliding, in this process."""
    from rastervision.core.data import DatasetConfig
    from rastervision.core.rv_pipeline import (
        SemanticSegmentationChipOptions, SemanticSegmentationConfig,
        SemanticSegmentationPredictOptions, WindowSamplingConfig,
        WindowSamplingMethod)
    from rastervision.pytorch_backend import PyTorchSemanticSegmentationConfig
    from rastervision.pytorch_learner import (
        SemanticSegmentationImageDataConfig, SemanticSegmentationModelConfig,
        SolverConfig)
    seed()
    root = join(TMP, 'root')
    cfg = SemanticSegmentationConfig(
        root_uri=root,
        dataset=DatasetConfig(
            class_config=class_config(),
            train_scenes=[scene_cfg('s', image, f'bld_{tag}.geojson')],
            validation_scenes=[]),
        backend=PyTorchSemanticSegmentationConfig(
            model=SemanticSegmentationModelConfig(pretrained=False),
            data=SemanticSegmentationImageDataConfig(num_workers=0),
            solver=SolverConfig(batch_sz=8)),
        chip_options=SemanticSegmentationChipOptions(
            sampling=WindowSamplingConfig(
                method=WindowSamplingMethod.sliding, size=256, stride=256)),
        predict_options=SemanticSegmentationPredictOptions(chip_sz=256))
    cfg.update()
    cfg.recursive_validate_config()
    pipeline = cfg.build(TMP)
    with timed('chip') as t:
        pipeline.chip()
    import zipfile
    zips = list(Path(root).rglob('*.zip'))
    names = [i for z in zips for i in zipfile.ZipFile(z).infolist()]
    imgs = [i for i in names if '/img/' in '/' + i.filename
            and not i.is_dir()]
    OUT['figures']['chips_per_s'] = len(imgs) / t.s
    digest(chips=len(imgs), files=len([i for i in names if not i.is_dir()]))
    OUT['figures']['zip_mb'] = sum(z.stat().st_size for z in zips) / 1e6


# -------------------------------------------------------------- 5 rasterize


@cases(**{'4k': dict(tag='4k'), '10k': dict(tag='10k')})
def rasterize(tag):
    """RasterizedSource: open, then read every 512-px window."""
    from rastervision.core.data import RasterizedSource
    rs = image_source(f'u8_{tag}.tif')
    with timed('open'):
        vs = vector_source(tag, rs.crs_transformer)
        src = RasterizedSource(vs, background_class_id=0, bbox=rs.extent)
    n = 0
    ws = rs.extent.get_windows(512, 512)
    with timed('read_512') as t:
        for w in ws:
            n += int(src.get_chip(w).sum())
    OUT['figures'].update(windows=len(ws), windows_per_s=len(ws) / t.s)
    digest(pixels=n)
    ws = rs.extent.get_windows(256, 256)[:400]
    with timed('read_256_x400') as t:
        for w in ws:
            src.get_chip(w)
    OUT['figures']['windows256_per_s'] = len(ws) / t.s


# ------------------------------------------------------------ 6 predictions


def cheap_model():
    """A 1 x 1 convolution that tells light pixels from dark ones."""
    import torch
    m = torch.nn.Conv2d(3, 2, 1)
    with torch.no_grad():
        m.weight[:] = torch.tensor([-1., 1.]).view(2, 1, 1, 1)
        m.bias[:] = torch.tensor([1.5, -1.5])
    return m


def small_model():
    """ResNet-18 trunk, 1 x 1 head, upsampled; random weights, fixed seed."""
    import torch
    from torch import nn
    from torchvision.models import resnet18
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            r = resnet18(weights=None)
            self.trunk = nn.Sequential(*list(r.children())[:-2])
            self.head = nn.Conv2d(512, 2, 1)

        def forward(self, x):
            y = self.head(self.trunk(x))
            return nn.functional.interpolate(
                y, size=x.shape[-2:], mode='bilinear', align_corners=False)

    return Net()


def learner_cfg(**kw):
    from rastervision.pytorch_learner import (
        SemanticSegmentationGeoDataConfig, SemanticSegmentationLearnerConfig,
        SolverConfig)
    from rastervision.core.data import DatasetConfig
    from rastervision.core.rv_pipeline import WindowSamplingConfig
    cc = class_config()
    data = SemanticSegmentationGeoDataConfig(
        class_config=cc, num_workers=0, img_channels=3, img_sz=256,
        scene_dataset=DatasetConfig(
            class_config=cc, train_scenes=[], validation_scenes=[]),
        sampling=WindowSamplingConfig(size=256))
    return SemanticSegmentationLearnerConfig(
        data=data, solver=SolverConfig(batch_sz=8, lr=1e-3), **kw)


def make_learner(model):
    from rastervision.pytorch_learner import SemanticSegmentationLearner
    return SemanticSegmentationLearner(
        cfg=learner_cfg(), model=model, training=False)


def raster_digest(path, prefix):
    import numpy as np
    import rasterio
    with rasterio.open(path) as ds:
        a = ds.read()
        if ds.dtypes[0] == 'uint8':
            digest(**{f'{prefix}_hist': np.bincount(a.ravel(), minlength=3)[:3],
                      f'{prefix}_crc': crc(a)})
        else:
            digest(**{f'{prefix}_mean': a.mean((1, 2), dtype=float).round(4)})


@cases(discrete_4k=dict(tag='4k'), discrete_10k=dict(tag='10k'),
       smooth_4k=dict(tag='4k', smooth=True),
       smooth_10k=dict(tag='10k', smooth=True),
       overlap_4k=dict(tag='4k', smooth=True, stride=128, crop=32),
       resnet_4k=dict(tag='4k', model='small'))
def predict_ss(tag, smooth=False, stride=256, crop=None, model='cheap'):
    """Sliding-window prediction of a scene, then the GeoTIFF(s)."""
    import torch
    from rastervision.core.data import SemanticSegmentationLabels
    from rastervision.pytorch_learner import (
        SemanticSegmentationSlidingWindowGeoDataset as DS)
    seed()
    scene = ss_scene(f'u8_{tag}.tif', tag, labels=False)
    learner = make_learner(cheap_model() if model == 'cheap' else
                           small_model())
    pad = {}
    if crop:
        pad = dict(padding=(stride, stride), pad_direction='both')
    ds = DS(scene, size=256, stride=stride, **pad)
    OUT['rss_mb']['before'] = round(rss())
    with timed('predict') as t1:
        preds = learner.predict_dataset(
            ds, raw_out=smooth, numpy_out=True,
            predict_kw=dict(out_shape=(256, 256)),
            dataloader_kw=dict(batch_size=8), progress_bar=False)
        labels = SemanticSegmentationLabels.from_predictions(
            ds.windows, preds, extent=scene.extent, num_classes=2,
            smooth=smooth, crop_sz=crop)
    out = join(TMP, 'pred')
    with timed('save') as t2:
        labels.save(out, crs_transformer=scene.raster_source.crs_transformer,
                    class_config=class_config())
    OUT['seconds']['total'] = t1.s + t2.s
    OUT['figures'].update(chips=len(ds), chips_per_s=len(ds) / (t1.s + t2.s))
    raster_digest(join(out, 'labels.tif'), 'labels')
    if smooth:
        raster_digest(join(out, 'scores.tif'), 'scores')
    if model == 'small':  # the same forward passes, on a batch in memory
        m = learner.model.eval()
        x = torch.stack([ds[i][0] for i in range(8)])
        with torch.inference_mode():
            m(x)
            with timed('forward_only') as t3:
                for _ in range(-(-len(ds) // 8)):
                    m(x)
        OUT['figures']['overhead_factor'] = (t1.s + t2.s) / t3.s


# -------------------------------------------------------------- 7 vectorize


def pred_labels(tag):
    """The made-up class raster as SemanticSegmentationLabels."""
    from rastervision.core.data import (RasterioSource,
                                        SemanticSegmentationLabelSource)
    src = RasterioSource(uri(f'pred_{tag}/labels.tif'))
    return src, SemanticSegmentationLabelSource(src, class_config())


@cases(**{'4k': dict(tag='4k'), '10k': dict(tag='10k')})
def vectorize(tag):
    """Polygons of the building class of a class raster (denoise 0 and 8)."""
    from rastervision.core.data import PolygonVectorOutputConfig
    src, ls = pred_labels(tag)
    with timed('load_labels'):
        labels = ls.get_labels()
    for d in (8, 0):
        out = join(TMP, f'v{d}')
        with timed(f'polygons_denoise{d}'):
            labels.save(
                out, crs_transformer=src.crs_transformer,
                class_config=class_config(), raster_output=False,
                vector_outputs=[
                    PolygonVectorOutputConfig(class_id=1, denoise=d)])
        path, = Path(out).rglob('*.json')
        js = json.loads(path.read_text())
        digest(**{f'features_denoise{d}': len(js['features'])})
        OUT['figures'][f'json_mb_denoise{d}'] = path.stat().st_size / 1e6


@cases(**{'1000': dict(n=1000), '1500': dict(n=1500), '2000': dict(n=2000)})
def vectorize_building(n):
    """BuildingVectorOutput on an n x n corner (its growth is the point)."""
    from rastervision.core.box import Box
    from rastervision.core.data import (BuildingVectorOutputConfig,
                                        SemanticSegmentationLabels)
    src, ls = pred_labels('4k')
    labels = SemanticSegmentationLabels.make_empty(Box(0, 0, n, n), 2)
    w = Box(0, 0, n, n)
    labels[w] = ls.get_label_arr(w)
    # A factor of 0 leaves out the element that splits clusters: the peer's
    # default (0.5) needs numpy.int0, which NumPy 2 removed.
    for name, factor in (('default', 0.5), ('no_element', 0.0)):
        out = join(TMP, name)
        try:
            with timed(name):
                labels.save(
                    out, crs_transformer=src.crs_transformer,
                    class_config=class_config(), raster_output=False,
                    vector_outputs=[
                        BuildingVectorOutputConfig(
                            class_id=1, denoise=3,
                            element_width_factor=factor)])
        except AttributeError as e:
            del OUT['seconds'][name]
            OUT['figures'][f'{name}_error'] = str(e)[:80]
            continue
        path, = Path(out).rglob('*.json')
        digest(**{f'features_{name}': len(
            json.loads(path.read_text())['features'])})


# ----------------------------------------------------------------- 8 eval


@cases(**{'4k': dict(tag='4k'), '10k': dict(tag='10k')})
def eval_ss(tag):
    """SemanticSegmentationEvaluator: predicted raster against polygons."""
    from rastervision.core.data import (Scene, SemanticSegmentationLabelStore)
    from rastervision.core.evaluation import SemanticSegmentationEvaluator
    scene = ss_scene(f'u8_{tag}.tif', tag)
    store = SemanticSegmentationLabelStore(
        uri=uri(f'pred_{tag}'),
        crs_transformer=scene.raster_source.crs_transformer,
        class_config=class_config())
    scene = Scene(id='s', raster_source=scene.raster_source,
                  label_source=scene.label_source, label_store=store)
    out = join(TMP, 'eval.json')
    OUT['rss_mb']['before'] = round(rss())
    with timed('eval') as t:
        SemanticSegmentationEvaluator(class_config(), output_uri=out).process(
            [scene], TMP)
    OUT['figures']['mpx_s'] = scene.extent.area / 1e6 / t.s
    js = json.loads(Path(out).read_text())
    avg = [i for i in js['overall'] if i['class_name'] == 'average'][0]
    digest(conf_mat=avg['conf_mat'], f1=round(avg['metrics']['f1'], 6))


# ------------------------------------------------------- 9 object detection


@cases(**{'5k': dict(n=5000), '10k': dict(n=10000), '20k': dict(n=20000)})
def od(n):
    """Boxes: collect window by window, prune duplicates, save, evaluate."""
    import numpy as np
    from rastervision.core.box import Box
    from rastervision.core.data import ClassConfig, ObjectDetectionLabels
    from rastervision.core.evaluation import ObjectDetectionEvaluator
    z = np.load(uri(f'boxes_{n}.npz'))
    boxes, cls, sc = z['boxes'], z['classes'], z['scores']
    ws = Box(0, 0, 10000, 10000).get_windows(300, 300)
    cy = ((boxes[:, 0] + boxes[:, 2]) / 2 // 300).astype(int).clip(0, 33)
    cx = ((boxes[:, 1] + boxes[:, 3]) / 2 // 300).astype(int).clip(0, 33)
    by_cell = {}
    for i, k in enumerate(zip(cy.tolist(), cx.tolist())):
        by_cell.setdefault(k, []).append(i)
    preds = []
    for w in ws:
        i = by_cell.get((w.ymin // 300, w.xmin // 300), [])
        o = np.array([[w.ymin, w.xmin, w.ymin, w.xmin]])
        preds.append(dict(boxes=boxes[i] - o, class_ids=cls[i], scores=sc[i]))
    with timed('collect'):
        labels = ObjectDetectionLabels.from_predictions(ws, preds)
    digest(collected=len(labels))
    with timed('prune'):
        pruned = ObjectDetectionLabels.prune_duplicates(
            labels, score_thresh=0.4, merge_thresh=0.3)
    digest(pruned=len(pruned),
           score_sum=round(float(pruned.get_scores().sum()), 4))
    gt = ObjectDetectionLabels(z['gt'], z['gt_classes'])
    cc = ClassConfig(names=['a', 'b', 'c'])
    ev = ObjectDetectionEvaluator(cc)
    with timed('evaluate_all'):
        e = ev.evaluate_predictions(gt, labels)
    digest(f1_all=round(float(e.avg_item['metrics']['f1']), 6))
    with timed('evaluate_pruned'):
        e = ev.evaluate_predictions(gt, pruned)
    digest(f1_pruned=round(float(e.avg_item['metrics']['f1']), 6))
    rs = image_source('u8_10k.tif')
    with timed('save'):
        pruned.save(join(TMP, 'od.json'), class_config=cc,
                    crs_transformer=rs.crs_transformer)
    ws2 = ws[:200]
    with timed('window_query_x200'):
        k = sum(len(labels[w]) for w in ws2)
    digest(queried=k)


# ------------------------------------------------- 10 chip classification


@cases(**{'4k': dict(tag='4k'), '10k': dict(tag='10k')})
def cc(tag):
    """Cells from polygons (all at once; lazily), predictions and their file."""
    import numpy as np
    from rastervision.core.data import (
        ChipClassificationLabels, ChipClassificationLabelSource,
        ChipClassificationLabelSourceConfig)
    rs = image_source(f'u8_{tag}.tif')
    vs = vector_source(tag, rs.crs_transformer)
    vs.get_dataframe()
    cfg = ChipClassificationLabelSourceConfig(
        ioa_thresh=0.02, use_intersection_over_cell=True,
        pick_min_class_id=False, background_class_id=0, infer_cells=True,
        cell_sz=100)
    with timed('infer_cells'):
        ls = ChipClassificationLabelSource(cfg, vs, bbox=rs.extent)
    labels = ls.get_labels()
    ids = [labels.get_cell_class_id(c) for c in labels.get_cells()]
    digest(cells=len(ids), building_cells=int(sum(ids)))
    lazy = ChipClassificationLabelSource(cfg, vs, bbox=rs.extent, lazy=True)
    ws = rs.extent.get_windows(100, 100)
    with timed('lazy_x100'):
        k = sum(int(lazy[w]) for w in ws[:100])
    digest(lazy=k)
    rng = np.random.default_rng(0)
    sc = rng.dirichlet([1, 1], len(ws))
    with timed('collect'):
        pred = ChipClassificationLabels.from_predictions(ws, sc)
    with timed('save'):
        pred.save(join(TMP, 'cc.json'), class_config=class_config(),
                  crs_transformer=rs.crs_transformer)
    digest(saved=len(json.loads(
        Path(TMP, 'cc.json').read_text())['features']))


# --------------------------------------------------------------- 11 train


@cases(memory=dict(memory=True), geo=dict(memory=False))
def train_step(memory):
    """One epoch over 64 chips against a bare loop over the same tensors."""
    import torch
    from torch.utils.data import TensorDataset
    from rastervision.pytorch_learner import (
        SemanticSegmentationLearner, SemanticSegmentationSlidingWindowGeoDataset
        as DS)
    scene = ss_scene('tiny_a.tif', '4k')
    ds = DS(scene, size=128, stride=124, padding=0)
    n = 64
    assert len(ds) >= n, len(ds)
    xs, ys = zip(*[ds[i] for i in range(n)])
    x, y = torch.stack(xs), torch.stack(ys).long()
    sub = (TensorDataset(x, y) if memory else
           torch.utils.data.Subset(ds, range(n)))
    val = torch.utils.data.Subset(sub, range(8))

    def bare():
        seed()
        m = small_model().train()
        opt = torch.optim.Adam(m.parameters(), lr=1e-3)
        loss = torch.nn.CrossEntropyLoss()
        t = time.perf_counter()
        p = torch.randperm(n)
        for i in range(0, n, 8):
            j = p[i:i + 8]
            opt.zero_grad()
            out = loss(m(x[j]), y[j])
            out.backward()
            opt.step()
        return time.perf_counter() - t, float(out.detach())

    bare()
    t = sorted(bare()[0] for _ in range(3))[1]
    OUT['seconds']['bare_epoch'] = t
    seed()
    learner = SemanticSegmentationLearner(
        cfg=learner_cfg(log_tensorboard=False), output_dir=join(TMP, 'o'),
        model=small_model(), train_ds=sub, valid_ds=val, training=True)
    with timed('train_epoch') as t1:
        m = learner.train_epoch(optimizer=learner.opt,
                                step_scheduler=learner.step_scheduler)
    OUT['figures']['epoch_overhead_factor'] = t1.s / t
    digest(loss_finite=bool(m['train_loss'] == m['train_loss']))
    with timed('train_1_epoch_with_all_around') as t2:
        learner.train(epochs=1)
    OUT['figures']['train_overhead_factor'] = t2.s / t


# ---------------------------------------------------------------- 12 full


@cases(inprocess=dict(runner='inprocess'), local=dict(runner='local'))
def full(runner):
    """analyze, chip, train (1 epoch), predict, eval, bundle by the CLI; then
    Predictor on a fresh scene with the bundle."""
    bin = os.path.dirname(sys.executable)
    root = join(TMP, 'root')
    os.environ['RVBENCH_CACHE'] = str(CACHE)

    def cli(root, *commands):
        p = subprocess.run(
            [join(bin, 'rastervision'), 'run', runner,
             str(HERE / 'pipeline_config.py'), *commands, '-a', 'root', root],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TMP,
            text=True)
        if p.returncode:
            raise RuntimeError(p.stdout[-600:])

    # all in one go; the peer's train needs onnxscript with today's PyTorch
    try:
        with timed('all_commands'):
            cli(join(TMP, 'all'))
        digest(all_commands='ok')
    except RuntimeError as e:
        del OUT['seconds']['all_commands']
        OUT['figures']['all_commands_error'] = str(e)[-160:].strip()
    # the same in three steps, training by the API without the ONNX export
    with timed('cli_analyze_chip'):
        cli(root, 'analyze', 'chip')
    sys.path.insert(0, str(HERE))
    from pipeline_config import get_config
    cfg = get_config(runner, root)
    cfg.update()
    lc = cfg.backend.get_learner_config(cfg)
    lc.save_model_bundle = False
    with timed('api_train'):
        learner = lc.build(TMP, training=True)
        learner.main()
        learner.save_model_bundle(export_onnx=False)
    with timed('cli_predict_eval_bundle'):
        cli(root, 'predict', 'eval', 'bundle')
    OUT['seconds']['staged_total'] = sum(
        OUT['seconds'][k] for k in ('cli_analyze_chip', 'api_train',
                                    'cli_predict_eval_bundle'))
    js = json.loads(next(Path(root, 'eval').rglob('eval.json')).read_text())
    digest(eval_classes=len(js['overall']),
           stages=sorted(x.name for x in Path(root).iterdir() if x.is_dir()))
    import inspect
    from rastervision.core.predictor import Predictor
    b = join(root, 'bundle', 'model-bundle.zip')
    # the bundle carries the code of tiny_model; release 0.31 runs it unasked
    trust = 'trust_code' in inspect.signature(Predictor).parameters
    with timed('predictor_load'):
        pr = Predictor(b, join(TMP, 'p'), **({'trust_code': True} if trust else {}))
    out = join(TMP, 'out')
    with timed('predictor_predict'):
        pr.predict([uri('tiny_b.tif')], out)
    digest(predicted=sorted(
        str(x.relative_to(out)) for x in Path(out).rglob('*')
        if x.is_file()))


def main():
    global CACHE, TMP
    ap = argparse.ArgumentParser()
    ap.add_argument('case', nargs='?')
    ap.add_argument('--cache', default=os.path.expanduser('~/.cache/rvbench'))
    ap.add_argument('--list', action='store_true')
    ap.add_argument('--profile', help='write cProfile data to this file')
    args = ap.parse_args()
    if args.list:
        for n, (f, kw) in CASES.items():
            print(n, '-', (f.__doc__ or '').split('\n')[0])
        return
    CACHE = Path(args.cache)
    logging.disable(logging.INFO)
    f, kw = CASES[args.case]
    OUT['case'] = args.case
    # tqdm writes to stderr; keep stdout for the JSON line
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        with tempfile.TemporaryDirectory() as TMP:
            if args.profile:
                import cProfile
                import rastervision.pytorch_backend  # leave out the import
                pr = cProfile.Profile()
                pr.enable()
            f(**kw)
            if args.profile:
                pr.disable()
                pr.dump_stats(args.profile)
    except Exception as e:
        import traceback
        traceback.print_exc()
        OUT['error'] = f'{type(e).__name__}: {str(e)[-600:]}'
    OUT['rss_mb']['peak'] = round(rss())
    OUT['rss_mb']['children'] = round(
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
    line = json.dumps(OUT, default=str)
    os.write(real, (line + '\n').encode())


if __name__ == '__main__':
    main()
