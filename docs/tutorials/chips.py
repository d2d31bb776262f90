# %% [markdown]
# # Chips in files
#
# Training can read scenes window by window, or chips that were cut before: by the command `chip`,
# by your own code, or by somebody else. Image datasets read such chips: PNG, JPEG, TIFF, or NumPy
# arrays for any number of bands and any type.

# %%
from pathlib import Path

import numpy as np
from PIL import Image

from rastervision.core.data import ClassConfig
from rastervision.pytorch_backend.examples.tiny_buildings import DATA
from rastervision.pytorch_learner import (
    SemanticSegmentationImageDataConfig,
    SemanticSegmentationImageDataset,
    SemanticSegmentationSlidingWindowGeoDataset,
    SemanticSegmentationVisualizer,
)

classes = ClassConfig(
    names=['building', 'background'], colors=['red', 'black'], null_class='background'
)

# %% [markdown]
# ## Cutting chips
#
# For semantic segmentation, images are in a folder `img` and class ids, under the same names, in
# `labels`; below one folder for each split.


# %%
def write_chips(split, n, folder):
    dataset = SemanticSegmentationSlidingWindowGeoDataset.from_uris(
        image_uri=str(DATA / split / f'rio_img{n}.tif'),
        label_vector_uri=str(DATA / split / f'rio_img{n}_buildings.geojson'),
        label_vector_default_class_id=0,
        class_config=classes,
        size=128,
        stride=128,
        normalize=False,
        to_pytorch=False,
    )
    for name in ('img', 'labels'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i, (image, ids) in enumerate(dataset):
        Image.fromarray(image).save(folder / 'img' / f'{n}-{i}.png')
        Image.fromarray(ids).save(folder / 'labels' / f'{n}-{i}.png')


write_chips('train', 53, Path('chips/train'))
write_chips('val', 54, Path('chips/valid'))
sorted(str(path) for path in Path('chips').glob('*/*'))

# %% [markdown]
# ## A dataset
#
# Items are the same as those of datasets that read scenes, and transforms work the same.

# %%
dataset = SemanticSegmentationImageDataset(
    img_dir='chips/train/img', label_dir='chips/train/labels'
)
x, y = dataset[0]
len(dataset), x.shape, y.shape

# %%
visualizer = SemanticSegmentationVisualizer(classes.names, classes.colors)
visualizer.plot_batch(*visualizer.get_batch(dataset, 2, shuffle=True), show=True)

# %% [markdown]
# Chips of many bands or of other types are kept as `.npy` or `.tif`.

# %%
for name in ('img', 'labels'):
    Path('arrays', name).mkdir(parents=True)
np.save('arrays/img/0.npy', np.random.default_rng(0).random((64, 64, 13), dtype=np.float32))
np.save('arrays/labels/0.npy', np.zeros((64, 64), dtype=np.uint8))
arrays = SemanticSegmentationImageDataset(img_dir='arrays/img', label_dir='arrays/labels')
arrays[0][0].shape

# %% [markdown]
# ## A data config
#
# `ImageDataConfig` of a task finds the chips of all splits at one `uri`: a folder, a zip file, a
# list of zip files, or a folder of zip files. That is what the command `chip` writes.

# %%
import shutil

shutil.make_archive('chips', 'zip', 'chips')
data = SemanticSegmentationImageDataConfig(
    uri='chips.zip', class_config=classes, img_sz=128, train_sz_rel=0.5, num_workers=0
)
train, valid, test = data.build('unpacked')
len(train), len(valid), test

# %% [markdown]
# `train_sz` or `train_sz_rel` takes some of the training chips only, at random but always the
# same. With `group_uris`, a number is taken from each group, so that a small group is not lost
# among large ones.

# %%
groups = SemanticSegmentationImageDataConfig(
    group_uris=['chips.zip', 'chips'], group_train_sz=[4, 2], class_config=classes, num_workers=0
)
len(groups.build('unpacked')[0])

# %% [markdown]
# Such a config is the `data` of a [learner](training.md) or of a backend. Image folders for chip
# classification, COCO files for object detection and CSV files for regression have configs of
# their own: `ClassificationImageDataConfig`, `ObjectDetectionImageDataConfig` and
# `RegressionImageDataConfig`.
