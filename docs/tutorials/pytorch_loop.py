# %% [markdown]
# # A plain PyTorch loop
#
# The datasets of Raster Vision are PyTorch datasets, so everything made for those works with
# them. Here, a loop of our own trains a network from torchvision, without a `Learner`.

# %%
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import ConcatDataset, DataLoader

from rastervision.core.data import ClassConfig
from rastervision.pytorch_backend.examples.tiny_buildings import DATA
from rastervision.pytorch_learner import (
    SemanticSegmentationModelConfig,
    SemanticSegmentationRandomWindowGeoDataset,
    SemanticSegmentationSlidingWindowGeoDataset,
    SemanticSegmentationVisualizer,
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


train_ds = ConcatDataset(
    SemanticSegmentationRandomWindowGeoDataset.from_uris(
        **files('train', n), size_lims=(80, 145), out_size=128, max_windows=40
    )
    for n in (53, 57)
)
valid_ds = SemanticSegmentationSlidingWindowGeoDataset.from_uris(
    **files('val', 54), size=128, stride=128
)

# %% [markdown]
# ## Training
#
# Any network will do that takes images and gives scores of all classes for every pixel. A model
# config builds one that has seen ImageNet before.

# %%
torch.manual_seed(0)
model = SemanticSegmentationModelConfig(
    architecture='unet', encoder='tf_efficientnet_lite0', pretrained=True
).build(num_classes=len(classes), in_channels=3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
weights = torch.tensor([4.0, 1.0])

for epoch in range(4):
    model.train()
    losses = []
    for x, y in DataLoader(train_ds, batch_size=8, shuffle=True):
        loss = cross_entropy(model(x), y, weight=weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f'epoch {epoch}: training loss {sum(losses) / len(losses):.3f}')

# %% [markdown]
# ## Validation
#
# The metrics of the framework work on plain arrays, too: a confusion matrix, summed over windows.

# %%
from rastervision.core.evaluation.confusion import confusion_matrix, iou

model.eval()
confusion = 0
with torch.inference_mode():
    for x, y in DataLoader(valid_ds, batch_size=8):
        predicted = model(x).argmax(dim=1)
        confusion = confusion + confusion_matrix(y.numpy(), predicted.numpy(), len(classes))
dict(zip(classes.names, iou(confusion).round(3).tolist(), strict=True))

# %%
visualizer = SemanticSegmentationVisualizer(classes.names, classes.colors)
x, y = visualizer.get_batch(valid_ds, 2)
with torch.inference_mode():
    visualizer.plot_batch(x, y, z=model(x).softmax(dim=1), show=True)

# %% [markdown]
# The scores of all windows make a map of the scene as in [Predicting and
# evaluating](predict_and_evaluate.md).
