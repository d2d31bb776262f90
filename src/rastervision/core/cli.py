"""Commands that predict with a model bundle: ``predict`` and ``predict_scene``."""

import re
from collections.abc import Callable
from typing import Any

import click

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import get_tmp_dir

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


@click.command(short_help='Predict an image with a model bundle.')
@click.argument('model_bundle')
@click.argument('image_uri')
@click.argument('label_uri')
@click.option(
    '--update-stats',
    '-a',
    is_flag=True,
    help='Compute statistics from this image instead of using those in the bundle.',
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
@click.option(
    '--trust-code', is_flag=True, help='Run code that the bundle carries, if it carries any.'
)
def predict(
    model_bundle: str,
    image_uri: str,
    label_uri: str,
    update_stats: bool,
    channel_order: str | None,
    scene_group: str | None,
    trust_code: bool,
) -> None:
    """Predict the image at IMAGE_URI with MODEL_BUNDLE and write the result to LABEL_URI."""
    from rastervision.core.predictor import Predictor

    order = parse_channel_order(channel_order)
    with get_tmp_dir() as tmp_dir:
        predictor = Predictor(
            model_bundle,
            tmp_dir,
            update_stats=update_stats,
            channel_order=order,
            scene_group=scene_group,
            trust_code=trust_code,
        )
        predictor.predict([image_uri], label_uri)
    click.echo(f'Predictions written to {label_uri}')


@click.command(name='predict_scene', short_help='Predict a scene config with a model bundle.')
@click.argument('model_bundle')
@click.argument('scene_config_uri')
@click.option('--predict-options-uri', help="JSON file of options in place of the bundle's.")
@click.option(
    '--trust-code', is_flag=True, help='Run code that the bundle carries, if it carries any.'
)
def predict_scene(
    model_bundle: str, scene_config_uri: str, predict_options_uri: str | None, trust_code: bool
) -> None:
    """Predict the scene whose config is the JSON file at SCENE_CONFIG_URI.

    The result goes to the label store of the scene.
    """
    from rastervision.core.predictor import ScenePredictor

    with get_tmp_dir() as tmp_dir:
        predictor = ScenePredictor(model_bundle, predict_options_uri, tmp_dir, trust_code)
        predictor.predict(scene_config_uri)
    click.echo('Predictions written to the label store of the scene.')
