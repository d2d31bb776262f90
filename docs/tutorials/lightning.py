# %% [markdown]
# # Training with Lightning
#
# [Lightning](https://lightning.ai/docs/pytorch/stable/) trains any model on any PyTorch dataset,
# ours included. Raster Vision itself does not need it: `pip install lightning`.

# %%
import logging
import warnings

import lightning
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from rastervision.core.data import ClassConfig, SemanticSegmentationLabels
from rastervision.pytorch_backend.examples.tiny_buildings import DATA
from rastervision.pytorch_learner import (
    SemanticSegmentationModelConfig,
    SemanticSegmentationRandomWindowGeoDataset,
    SemanticSegmentationSlidingWindowGeoDataset,
)

logging.getLogger('lightning.pytorch').setLevel(logging.ERROR)
warnings.filterwarnings('ignore', module='lightning')

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


train_ds = SemanticSegmentationRandomWindowGeoDataset.from_uris(
    **files('train', 53), size_lims=(80, 145), out_size=128, max_windows=64
)
valid_ds = SemanticSegmentationSlidingWindowGeoDataset.from_uris(
    **files('val', 54), size=128, stride=64
)

# %% [markdown]
# ## A module
#
# A module says what a step of training, validation and prediction is; the rest is Lightning's.


# %%
class Segmentation(lightning.LightningModule):
    def __init__(self, num_classes):
        super().__init__()
        self.model = SemanticSegmentationModelConfig(
            architecture='unet', encoder='tf_efficientnet_lite0', pretrained=True
        ).build(num_classes, in_channels=3)
        self.register_buffer('weights', torch.tensor([4.0] + [1.0] * (num_classes - 1)))

    def forward(self, x):
        return self.model(x)

    def training_step(self, batch, _):
        return self.loss(batch)

    def validation_step(self, batch, _):
        self.log('val_loss', self.loss(batch))

    def predict_step(self, batch, _):
        x, _ = batch
        return self(x).softmax(dim=1)

    def loss(self, batch):
        x, y = batch
        return cross_entropy(self(x), y, weight=self.weights)

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


# %% [markdown]
# ## Training

# %%
lightning.seed_everything(0, verbose=False)
trainer = lightning.Trainer(
    max_epochs=4,
    accelerator='cpu',
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
module = Segmentation(len(classes))
trainer.fit(
    module, DataLoader(train_ds, batch_size=8, shuffle=True), DataLoader(valid_ds, batch_size=8)
)
round(float(trainer.callback_metrics['val_loss']), 3)

# %% [markdown]
# ## A map of the scene
#
# What the trainer predicts goes back into the labels of Raster Vision.

# %%
batches = trainer.predict(module, DataLoader(valid_ds, batch_size=8))
labels = SemanticSegmentationLabels.from_predictions(
    valid_ds.windows,
    torch.cat(batches).numpy(),
    extent=valid_ds.scene.extent,
    num_classes=len(classes),
    smooth=True,
)

# %%
from matplotlib import pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(8, 4))
axes[0].imshow(valid_ds.scene.raster_source[:, :])
axes[1].imshow(labels.get_score_arr(valid_ds.scene.extent)[0])
for ax, title in zip(axes, ('image', 'score of "building"'), strict=True):
    ax.set_title(title)
    ax.axis('off')
