# %% [markdown]
# # Predicting and evaluating
#
# A trained model predicts window by window; the predictions are put together to labels of the
# whole scene, written to files, and compared with the ground truth. First, a model, trained for a
# moment only; [Training a model](training.md) explains this cell.

# %%
from matplotlib import pyplot as plt

from rastervision.core.data import ClassConfig
from rastervision.pytorch_backend.examples.tiny_buildings import DATA
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SemanticSegmentationModelConfig,
    SemanticSegmentationRandomWindowGeoDataset,
    SemanticSegmentationSlidingWindowGeoDataset,
    SolverConfig,
)

classes = ClassConfig(
    names=['building', 'background'], colors=['red', 'black'], null_class='background'
)


def files(split, n):
    return {
        'image_uri': str(DATA / split / f'rio_img{n}.tif'),
        'label_vector_uri': str(DATA / split / f'rio_img{n}_buildings.geojson'),
        'label_vector_default_class_id': classes.get_class_id('building'),
        'class_config': classes,
    }


learner = SemanticSegmentationLearner(
    SemanticSegmentationLearnerConfig(
        data=SemanticSegmentationGeoDataConfig(class_config=classes, num_workers=0),
        model=SemanticSegmentationModelConfig(
            architecture='unet', encoder='tf_efficientnet_lite0', pretrained=True
        ),
        solver=SolverConfig(lr=1e-3, num_epochs=5, batch_sz=8, dice_weight=0.5, seed=0),
        log_tensorboard=False,
    ),
    output_dir='train',
    train_ds=SemanticSegmentationRandomWindowGeoDataset.from_uris(
        **files('train', 53), size_lims=(80, 145), out_size=128, max_windows=64
    ),
)
learner.train()

# %% [markdown]
# ## Windows
#
# `predict_dataset` predicts the samples of a dataset, one after the other, and reads ahead while
# the model computes. Windows overlap here, by half; scores of shape (classes, height, width) come
# out.

# %%
scene_ds = SemanticSegmentationSlidingWindowGeoDataset.from_uris(
    **files('val', 54), size=112, stride=56
)
predictions = list(learner.predict_dataset(scene_ds, raw_out=True, numpy_out=True))
len(predictions), predictions[0].shape

# %% [markdown]
# ## Labels of the whole scene
#
# `SemanticSegmentationLabels` puts the windows together. Smooth labels keep the scores and
# average them where windows overlap; discrete labels (`smooth=False`) keep class ids only.

# %%
from rastervision.core.data import SemanticSegmentationLabels

scene = scene_ds.scene
labels = SemanticSegmentationLabels.from_predictions(
    scene_ds.windows,
    predictions,
    extent=scene.extent,
    num_classes=len(classes),
    smooth=True,
)
scores = labels.get_score_arr(scene.extent)
ids = labels.get_label_arr(scene.extent)
scores.shape, ids.shape

# %%
fig, axes = plt.subplots(1, 3, figsize=(12, 4))
axes[0].imshow(scene.raster_source[:, :])
axes[1].imshow(scores[classes.get_class_id('building')], cmap='viridis')
axes[2].imshow(ids, cmap='gray_r')
for ax, title in zip(axes, ('image', 'score of "building"', 'class'), strict=True):
    ax.set_title(title)
    ax.axis('off')

# %% [markdown]
# ## Files
#
# `save` writes Cloud Optimized GeoTIFFs with the georeference of the image; a label store writes
# polygons, too.

# %%
from pathlib import Path

from rastervision.core.data import PolygonVectorOutputConfig, SemanticSegmentationLabelStore

store = SemanticSegmentationLabelStore(
    'predicted',
    crs_transformer=scene.raster_source.crs_transformer,
    class_config=classes,
    bbox=scene.bbox,
    smooth_output=True,
    vector_outputs=[PolygonVectorOutputConfig(class_id=0, denoise=3)],
)
store.save(labels)
sorted(str(path) for path in Path('predicted').rglob('*.*'))

# %% [markdown]
# ## Scores
#
# An evaluation compares predictions with the ground truth: precision, recall, F1 and IoU of each
# class, and the confusion matrix.

# %%
from rastervision.core.evaluation import SemanticSegmentationEvaluation

evaluation = SemanticSegmentationEvaluation(classes)
evaluation.compute(scene.label_source.get_labels(), labels)
evaluation.class_to_eval_item[0].to_json()['metrics']

# %%
import pandas as pd

pd.DataFrame(
    evaluation.conf_mat,
    index=[f'true {name}' for name in classes.names],
    columns=[f'predicted {name}' for name in classes.names],
)

# %% [markdown]
# ## In a pipeline
#
# The commands `predict` and `eval` do all this for scenes of any size, with bounded memory, and
# `rastervision predict` does it for any image from a model bundle; see
# [Prediction](../guides/prediction.md).
