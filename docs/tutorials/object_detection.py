# %% [markdown]
# # Object detection
#
# Object detection finds boxes around objects, here trees in airborne images.

# %%
from matplotlib import pyplot as plt
from torch.utils.data import ConcatDataset

from rastervision.core.data import ClassConfig
from rastervision.core.data.utils import make_od_scene
from rastervision.pytorch_backend.examples.tiny_trees import DATA
from rastervision.pytorch_learner import (
    ObjectDetectionGeoDataConfig,
    ObjectDetectionLearner,
    ObjectDetectionLearnerConfig,
    ObjectDetectionModelConfig,
    ObjectDetectionRandomWindowGeoDataset,
    ObjectDetectionSlidingWindowGeoDataset,
    ObjectDetectionVisualizer,
    SolverConfig,
)

classes = ClassConfig(names=['tree'], colors=['yellow'])


def files(split, name):
    return {
        'image_uri': str(DATA / split / f'{name}.tif'),
        'label_vector_uri': str(DATA / split / f'{name}_trees_utm.geojson'),
        'label_vector_default_class_id': classes.get_class_id('tree'),
        'class_config': classes,
        'image_raster_source_kw': {'channel_order': [0, 1, 2]},
    }


# %% [markdown]
# ## Labels
#
# Labels are boxes, or polygons, of which the bounding boxes count. By a window, the scene gives
# an image and its boxes as (ymin, xmin, ymax, xmax), in pixels from the corner of the window.

# %%
scene = make_od_scene(**files('train', 'TEAK_057'))
image, (boxes, class_ids, box_format) = scene[100:300, 100:300]
image.shape, boxes[:2], class_ids[:2], box_format


# %%
def draw(ax, image, boxes, color='yellow'):
    ax.imshow(image)
    for ymin, xmin, ymax, xmax in boxes:
        ax.add_patch(plt.Rectangle((xmin, ymin), xmax - xmin, ymax - ymin, fill=False, color=color))
    ax.axis('off')


labels = scene.label_source.get_labels()
fig, ax = plt.subplots(figsize=(5, 5))
draw(ax, scene.raster_source[:, :], labels.get_npboxes())

# %% [markdown]
# ## Sampling
#
# Random windows of object detection contain objects; `neg_ratio` adds windows without. Objects
# that a window cuts belong to it if `ioa_thresh` of them is in it; with `clip=True` they are cut
# to what is.

# %%
train_ds = ConcatDataset(
    ObjectDetectionRandomWindowGeoDataset.from_uris(
        **files('train', name),
        size_lims=(128, 193),
        out_size=160,
        max_windows=16,
        neg_ratio=0.1,
        clip=True,
        ioa_thresh=0.5,
    )
    for name in ('TEAK_043', 'TEAK_057', 'OSBS_029')
)
visualizer = ObjectDetectionVisualizer(classes.names, classes.colors)
visualizer.plot_batch(*visualizer.get_batch(train_ds, 3, shuffle=True), show=True)

# %% [markdown]
# ## Training
#
# Detectors of torchvision: Faster R-CNN, or with one stage, and faster, FCOS, RetinaNet and
# SSDlite. A few epochs as here only show how it is done; `tiny_trees` trains long enough to be of
# use.

# %%
valid_ds = ObjectDetectionSlidingWindowGeoDataset.from_uris(
    **files('val', 'TEAK_046'), size=160, stride=120
)
learner = ObjectDetectionLearner(
    ObjectDetectionLearnerConfig(
        data=ObjectDetectionGeoDataConfig(class_config=classes, num_workers=0, img_sz=160),
        model=ObjectDetectionModelConfig(
            architecture='fcos', encoder='tf_efficientnet_lite0', fpn_channels=64, pretrained=True
        ),
        solver=SolverConfig(lr=1e-3, num_epochs=4, batch_sz=4, seed=0),
        log_tensorboard=False,
    ),
    output_dir='train',
    train_ds=train_ds,
    valid_ds=valid_ds,
)
learner.train()
learner.plot_predictions('valid', batch_limit=3, show=True)

# %% [markdown]
# ## Predicting a scene
#
# Windows overlap, so the same tree is found several times: boxes of which only the best of those
# that overlap by more than `merge_thresh` is kept.

# %%
from rastervision.core.data import ObjectDetectionLabels

predictions = list(learner.predict_dataset(valid_ds, raw_out=True, numpy_out=True))
found = ObjectDetectionLabels.from_predictions(valid_ds.windows, predictions)
merged = ObjectDetectionLabels.prune_duplicates(found, score_thresh=0.5, merge_thresh=0.3)
len(found), len(merged)

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 4.5))
image = valid_ds.scene.raster_source[:, :]
truth = valid_ds.scene.label_source.get_labels()
draw(axes[0], image, truth.get_npboxes())
draw(axes[1], image, merged.get_npboxes(), color='red')
for ax, title in zip(axes, ('truth', 'found'), strict=True):
    ax.set_title(title)

# %% [markdown]
# ## Scores
#
# Precision, recall and F1 count a box as found if a predicted one overlaps it enough.

# %%
from rastervision.core.evaluation import ObjectDetectionEvaluation

evaluation = ObjectDetectionEvaluation(classes)
evaluation.compute(truth, merged)
evaluation.class_to_eval_item[0].to_json()['metrics']

# %% [markdown]
# The example `rastervision.pytorch_backend.examples.tiny_trees` runs all of this as a pipeline;
# see [Object detection](../guides/object_detection.md).
