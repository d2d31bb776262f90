"""Laws of whole scenes: coverage, seams, parts, memory."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rastervision.core.prediction import ScenePlan, blend, prediction_windows, scene_plan
from rastervision.core.rv_pipeline import SemanticSegmentationPredictOptions
from rastervision.pytorch_learner.inference.predict import READERS
from rastervision.pytorch_learner.inference.segmentation import predict_windows
from rastervision.pytorch_learner.inference.stream import RESULTS_AHEAD


def plan_of(scene, options, block_size=16, budget=2**30):
    return ScenePlan(
        scene.raster_source.extent,
        options.chip_sz,
        options.stride or options.chip_sz,
        options.crop_pixels(),
        options.batch_sz,
        num_values=3,
        block_size=block_size,
        budget=budget,
    )


def predicted(learner, scene, options, runs):
    """Scores (3, H, W) of the boxes of runs, NaN elsewhere."""
    extent = scene.raster_source.extent
    out = np.full((3, *extent.size), np.nan, np.float32)
    for run in runs:
        tiles = predict_windows(learner, scene, run.windows, options)
        bands = blend(tiles, extent, 3, options.blend, options.crop_pixels(), run.box)
        for band in bands:
            out[:, *band.box.to_slices()] = band.scores
    return out


def predict(learner, scene, **options):
    """Scores (3, H, W) of a scene."""
    options = SemanticSegmentationPredictOptions(**options)
    plan = plan_of(scene, options)
    return predicted(learner, scene, options, plan.runs(plan.parts))


def whole_image(model, pixels):
    """Scores (3, H, W) that the model gives for the whole image."""
    x = torch.from_numpy(pixels).movedim(-1, 0)[None] / 255
    with torch.inference_mode():
        return model.eval()(x).softmax(dim=1)[0].numpy()


def random_pixels(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@st.composite
def options(draw):
    chip = draw(st.integers(8, 40))
    crop = draw(st.integers(0, (chip - 2) // 2))
    kept = chip - 2 * crop
    return SemanticSegmentationPredictOptions(
        chip_sz=chip,
        stride=draw(st.integers(-(-kept // 3), kept)),
        crop_sz=crop,
        blend=draw(st.sampled_from(['mean', 'hann'])),
        batch_sz=draw(st.integers(1, 9)),
    )


@given(options(), st.integers(1, 100), st.integers(1, 100), st.sampled_from([1, 2**30]))
@settings(deadline=None, max_examples=15)
def test_every_pixel_gets_the_scores_of_its_place(make_learner, scene_of, opts, h, w, budget):
    opts.recursive_validate_config()
    pixels = random_pixels(h, w)
    scene = scene_of(pixels)
    learner = make_learner(img_sz=opts.chip_sz)
    plan = plan_of(scene, opts, budget=budget)
    scores = predicted(learner, scene, opts, plan.runs(plan.parts))
    np.testing.assert_allclose(scores, whole_image(learner.model, pixels), atol=2e-6)


@given(options(), st.sampled_from([1, 2**30]), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=5)
def test_parts_are_the_same_bit_for_bit_whoever_computes_them(
    make_learner, scene_of, opts, budget, random
):
    torch.manual_seed(0)
    scene = scene_of(random_pixels(100, 60))
    learner = make_learner(nn.Conv2d(3, 3, 5, padding=2), img_sz=opts.chip_sz)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_plan, 'MIN_PART_ROWS', 32)
        plan = plan_of(scene, opts, budget=budget)
        assert len(plan.parts) >= 4
        together = predicted(learner, scene, opts, plan.runs(plan.parts))
        parts = list(plan.parts)
        random.shuffle(parts)
        cut = random.randrange(len(parts))
        runs = [run for some in (parts[:cut], parts[cut:]) for run in plan.runs(some)]
        assert np.array_equal(together, predicted(learner, scene, opts, runs))


@pytest.mark.parametrize('blending', ['mean', 'hann'])
def test_windows_whose_margin_covers_the_receptive_field_leave_no_seams(
    make_learner, scene_of, blending
):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 5, padding=2), nn.ReLU()
    ).append(nn.Conv2d(8, 3, 3, padding=1))
    margin = 1 + 2 + 1
    pixels = random_pixels(110, 150)
    learner = make_learner(model, img_sz=48)
    scores = predict(
        learner, scene_of(pixels), chip_sz=48, stride=32, crop_sz=margin, blend=blending
    )
    inner = (..., slice(margin, -margin), slice(margin, -margin))
    difference = scores[inner] - whole_image(model, pixels)[inner]
    assert np.abs(difference).max() < 1e-6


def test_hann_blending_leaves_no_steps_even_if_the_model_fails_at_its_borders(
    make_learner, scene_of
):
    class Blur(nn.Module):
        """Sees less light near the borders of its window."""

        def forward(self, x):
            return 4 * nn.functional.avg_pool2d(x, 15, stride=1, padding=7)

    pixels = np.zeros((128, 192, 3), np.uint8)
    pixels[..., 0] = 255
    learner = make_learner(Blur(), img_sz=32)

    def steps(blending):
        """The largest steps between neighbouring pixels at borders of windows, and elsewhere."""
        scores = predict(learner, scene_of(pixels), chip_sz=32, stride=12, blend=blending)
        sizes = np.abs(np.diff(scores[0, 32:-32], axis=1))[:, 32:-32]
        columns = 33 + np.arange(sizes.shape[1])  # the pixels right of the steps
        at_borders = np.isin(columns % 12, (0, 32 % 12))
        return sizes[:, at_borders].max(), sizes[:, ~at_borders].max()

    at_borders, elsewhere = steps('mean')
    assert at_borders > 2 * elsewhere
    at_borders, elsewhere = steps('hann')
    assert at_borders <= elsewhere


@pytest.mark.parametrize('height', [64, 256])
def test_no_more_windows_are_held_however_tall_the_scene(make_learner, scene_of, height):
    scene = scene_of(random_pixels(height, 64))
    batch_sz = 2
    options = SemanticSegmentationPredictOptions(chip_sz=8, batch_sz=batch_sz)
    windows = prediction_windows(scene.raster_source.extent, 8, 8)
    tiles = predict_windows(make_learner(img_sz=8), scene, windows, options)
    held = [scene.raster_source.reads - used for used, _ in enumerate(tiles)]
    assert len(held) == height
    # batches being read, in the model's thread, waiting, and in use
    assert max(held) <= batch_sz * ((READERS + 1) + 1 + (RESULTS_AHEAD + 1) + 1)
