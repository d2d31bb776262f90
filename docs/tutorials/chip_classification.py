# %% [markdown]
# # Chip classification
#
# Chip classification gives every cell of a grid a class: is there a building? Labels are quick to
# make, and the map says where to look closer.

# %%
from matplotlib import pyplot as plt
from torch.utils.data import ConcatDataset

from rastervision.core.data import ClassConfig
from rastervision.core.data.utils import make_cc_scene
from rastervision.pytorch_backend.examples.tiny_buildings import DATA
from rastervision.pytorch_learner import (
    ClassificationGeoDataConfig,
    ClassificationLearner,
    ClassificationLearnerConfig,
    ClassificationModelConfig,
    ClassificationSlidingWindowGeoDataset,
    ClassificationVisualizer,
    SolverConfig,
)

classes = ClassConfig(names=['no_building', 'building'], colors=['black', 'red'])
CELL = 50

# %% [markdown]
# ## Cells from polygons
#
# Labels may be cells with a class each, or any polygons, from which the class of a cell is
# inferred: `ioa_thresh` is the share of a cell that a single polygon has to cover
# (`use_intersection_over_cell=True`), and cells without such a polygon have the
# `background_class_id`. Many small polygons in a cell do not add up, so take it small: less than
# the share that one object of interest covers.


# %%
def files(split, n):
    return {
        'image_uri': str(DATA / split / f'rio_img{n}.tif'),
        'label_vector_uri': str(DATA / split / f'rio_img{n}_buildings.geojson'),
        'label_vector_default_class_id': classes.get_class_id('building'),
        'class_config': classes,
        'label_source_kw': {
            'infer_cells': True,
            'cell_sz': CELL,
            'ioa_thresh': 0.2,
            'use_intersection_over_cell': True,
            'background_class_id': classes.get_class_id('no_building'),
        },
    }


scene = make_cc_scene(**files('train', 53))
labels = scene.label_source.get_labels()
len(labels)

# %%
fig, ax = plt.subplots(figsize=(5, 5))
ax.imshow(scene.raster_source[:, :])
for cell in labels.get_cells():
    color = 'red' if labels.get_cell_class_id(cell) == 1 else 'black'
    ax.add_patch(
        plt.Rectangle(
            (cell.xmin + 2, cell.ymin + 2), cell.width - 4, cell.height - 4, fill=False, color=color
        )
    )
ax.axis('off')

# %% [markdown]
# ## Datasets and training
#
# Each window is a cell. `from_uris` makes scene and dataset in one call; any window may be asked
# for its class, so windows may overlap or be random.

# %%
train_ds = ConcatDataset(
    ClassificationSlidingWindowGeoDataset.from_uris(
        **files('train', n), size=CELL, stride=CELL // 2, padding=0, out_size=96
    )
    for n in (53, 62)
)
valid_ds = ClassificationSlidingWindowGeoDataset.from_uris(
    **files('val', 54), size=CELL, stride=CELL, padding=0, out_size=96
)
len(train_ds), len(valid_ds)

# %%
visualizer = ClassificationVisualizer(classes.names, classes.colors)
visualizer.plot_batch(*visualizer.get_batch(train_ds, 3, shuffle=True), show=True)

# %%
learner = ClassificationLearner(
    ClassificationLearnerConfig(
        data=ClassificationGeoDataConfig(class_config=classes, num_workers=0, balance_classes=True),
        model=ClassificationModelConfig(encoder='tf_efficientnet_lite0', pretrained=True),
        solver=SolverConfig(lr=5e-4, num_epochs=2, batch_sz=16, seed=0),
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

# %%
from rastervision.core.data import ChipClassificationLabels

scores = list(learner.predict_dataset(valid_ds, raw_out=True, numpy_out=True))
predicted = ChipClassificationLabels.from_predictions(valid_ds.windows, scores)
predicted.save(
    'predicted.json',
    class_config=classes,
    crs_transformer=valid_ds.scene.raster_source.crs_transformer,
)

# %% [markdown]
# ## Scores

# %%
from rastervision.core.evaluation import ChipClassificationEvaluation

evaluation = ChipClassificationEvaluation(classes)
evaluation.compute(valid_ds.scene.label_source.get_labels(), predicted)
{item.class_name: item.to_json()['metrics'] for item in evaluation.class_to_eval_item.values()}

# %% [markdown]
# The example `rastervision.pytorch_backend.examples.tiny_cells` runs all of this as a pipeline;
# see [Chip classification](../guides/chip_classification.md).
