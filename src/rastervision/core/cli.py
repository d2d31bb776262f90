"""Commands that predict with a model bundle: ``predict`` and ``predict_scene``."""

import re
from collections.abc import Callable
from typing import Any

import click

from rastervision.core.image_list import has_raster_name, is_one_image, may_exist
from rastervision.pipeline.errors import ConfigError, NotReadableError
from rastervision.pipeline.file_system import file_exists, get_tmp_dir, is_local

_INT = re.compile(r'-?\d+')


class OptionEatAll(click.Option):
    """An option that takes all whole numbers that follow it: ``--channel-order 2 1 0``."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser's version of this option take more than one value."""
        super().add_to_parser(parser, ctx)
        for name in self.opts:
            # the parser's own tables are the only place where an option can look ahead
            option = parser._long_opt.get(name) or parser._short_opt.get(name)  # noqa: SLF001
            if option is not None:
                option.process = _eat_integers(option.process)


def _eat_integers(process: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def process_all(value: str, state: Any) -> None:
        values = [value]
        while state.rargs and _INT.fullmatch(state.rargs[0]):
            values.append(state.rargs.pop(0))
        process(' '.join(values), state)

    return process_all


def parse_channel_order(text: str | None) -> list[int] | None:
    """Read channel indices separated by spaces or commas.

    Raises:
        ConfigError: Something in it is not a channel index.
    """
    if text is None:
        return None
    parts = re.split(r'[\s,]+', text.strip(' []()'))
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"--channel-order takes channel indices such as '2 1 0', got {text!r}.")
    return [int(part) for part in parts]


def _crop(ctx: click.Context, param: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == 'auto':
        return value
    if not value.isdecimal():
        raise click.BadParameter(f"{value!r} is neither a number of pixels nor 'auto'.", ctx, param)
    return int(value)


_PREDICT_OPTIONS = (
    click.option(
        '--chip-size',
        'chip_sz',
        type=click.IntRange(min=1),
        metavar='PIXELS',
        help='Height and width of the windows that the model sees. The stride changes in '
        'proportion unless it is given.',
    ),
    click.option(
        '--stride',
        type=click.IntRange(min=1),
        metavar='PIXELS',
        help='Distance between windows; less than the chip size makes them overlap.',
    ),
    click.option(
        '--crop',
        'crop_sz',
        callback=_crop,
        metavar='PIXELS|auto',
        help='What to leave out at each edge of a window; auto: half of what neighbours share.',
    ),
    click.option(
        '--blend',
        type=click.Choice(['mean', 'hann']),
        help='How overlapping windows are joined; hann trusts the middle of a window more.',
    ),
    click.option(
        '--batch-size',
        'batch_sz',
        type=click.IntRange(min=1),
        metavar='N',
        help='Windows that the model sees at once.',
    ),
    click.option(
        '--tta/--no-tta',
        default=None,
        help='Test-time augmentation: average over the eight flips and rotations of each window; '
        'better at the edges of objects, eight times slower.',
    ),
    click.option(
        '--precision',
        type=click.Choice(['float32', 'float16', 'bfloat16']),
        help='What the model computes in; the two short ones are for GPUs.',
    ),
    click.option(
        '--engine',
        type=click.Choice(['auto', 'torch', 'onnxruntime', 'openvino']),
        help='What runs the model; auto takes the fastest that is there and agrees with PyTorch.',
    ),
)


def predict_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that change predict options; None stands for the bundle's."""
    for option in reversed(_PREDICT_OPTIONS):
        command = option(command)
    return command


def trust_code_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --trust-code."""
    text = 'Run code that the bundle carries, if it carries any.'
    return click.option('--trust-code', is_flag=True, help=text)(command)


def rerun_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --rerun."""
    text = 'Predict again what was predicted before with the same model, options and image.'
    return click.option('--rerun', is_flag=True, help=text)(command)


def _is_local_file(uri: str) -> bool:
    return is_local(uri) and file_exists(uri, include_dir=False)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@click.command(short_help='Predict images with a model bundle.')
@click.argument('model_bundle')
@click.argument('images', nargs=-1, required=True, metavar='IMAGE...')
@click.argument('output', metavar='OUT')
@click.option(
    '--update-stats',
    '-a',
    is_flag=True,
    help='Compute statistics from each image instead of using those in the bundle.',
)
@click.option(
    '--channel-order',
    cls=OptionEatAll,
    help="Indices of the image's bands that become the model's channels, such as '2 1 0'.",
)
@click.option(
    '--scene-group',
    help='Use the statistics of this scene group of the bundle; by default those of the scenes '
    'that the model was trained on.',
)
@predict_options
@click.option(
    '--scores',
    type=click.Choice(['none', 'uint8', 'float16', 'float32']),
    help='Write the scores of all classes to scores.tif in this type, or none.',
)
@click.option(
    '--polygons/--no-polygons',
    default=True,
    help='Write polygons: those that the bundle asks for; of all classes if it asks for none.',
)
@rerun_option
@trust_code_option
def predict(
    model_bundle: str,
    images: tuple[str, ...],
    output: str,
    update_stats: bool,
    channel_order: str | None,
    scene_group: str | None,
    rerun: bool,
    trust_code: bool,
    **options: Any,
) -> None:
    """Predict images with MODEL_BUNDLE and write the results to the folder OUT.

    One IMAGE file is written to OUT itself. Several of them, or what can hold any number of images,
    are written to a folder each, OUT/<name of the image>. Models whose results are cells, boxes or
    values write GeoJSON: OUT is the file, or the folder of the files <name of the image>.json.

    IMAGE is one file, or one of these:

    \b
      a folder       all images in it (without subfolders); a remote one ends with /
      a pattern      'tiles/*.tif', 'tiles/**/*.tif' with subfolders
      a list .txt    one image a line; # starts a comment
      a list .csv    images in a column image, uri, path, or the first one; names of
                     their outputs in a column name or output, or the last one

    A model that reads several images of each scene takes a list .csv with a row for each scene and
    columns image_1, image_2 and so on, in the order of the sources in its config.

    Relative paths in a list start at its folder. Of many images, one that fails does not stop the
    others; the exit code is then 1. Images that are predicted already are skipped, one that was
    interrupted goes on where it stopped. Options of the model that are not given are those of
    the bundle.
    """  # noqa: D301 - click looks for the character that \b stands for
    order = parse_channel_order(channel_order)
    one = is_one_image(images)
    if one and not may_exist(images[0]):
        raise NotReadableError(f'Cannot read {images[0]}: no such file.')
    # one image may be written to a file, with tasks whose results are no rasters
    if (not one or has_raster_name(output)) and _is_local_file(output):
        raise ConfigError(f'OUT is the folder to write to, the last argument; {output} is a file.')

    from rastervision.core.predictor import Predictor

    with get_tmp_dir() as tmp_dir:
        predictor = Predictor(
            model_bundle,
            tmp_dir,
            update_stats=update_stats,
            channel_order=order,
            scene_group=scene_group,
            trust_code=trust_code,
            **_given(options),
        )
        if one:
            written = predictor.output_uri(images[0], output)
            predictor.predict(images[0], output, skip_finished=not rerun)
            click.echo(f'Predictions are in {written}')
            return
        report = predictor.predict_many(images, output, skip_finished=not rerun)
    if report.of('finished before'):
        click.echo('--rerun predicts again what was finished before.', err=True)
    report.raise_failures()
    click.echo(f'{report}. Predictions are in {output}')


@click.command(name='predict_scene', short_help='Predict a scene config with a model bundle.')
@click.argument('model_bundle')
@click.argument('scene_config_uri')
@click.option('--predict-options-uri', help="JSON file of options in place of the bundle's.")
@predict_options
@rerun_option
@trust_code_option
def predict_scene(
    model_bundle: str,
    scene_config_uri: str,
    predict_options_uri: str | None,
    rerun: bool,
    trust_code: bool,
    **options: Any,
) -> None:
    """Predict the scene whose config is the JSON file at SCENE_CONFIG_URI.

    The result goes to the label store of the scene. Single options change those of the bundle, or
    of the file PREDICT_OPTIONS_URI.
    """
    from rastervision.core.predictor import ScenePredictor

    with get_tmp_dir() as tmp_dir:
        predictor = ScenePredictor(
            model_bundle, predict_options_uri, tmp_dir, trust_code, **_given(options)
        )
        predictor.predict(scene_config_uri, skip_finished=not rerun)
    click.echo('Predictions are in the label store of the scene.')
