"""MkDocs hook: the pages that are generated from the code, and those that stand elsewhere."""

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).parents[1]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    pages = {
        'reference/cli.md': cli_page(),
        'reference/config.md': config_page(),
        'changelog.md': (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8'),
    }
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    return files


def cli_page() -> str:
    """The help of every command, as the terminal shows it."""
    from rastervision.pipeline.cli import main

    context = click.Context(main, info_name='rastervision', max_content_width=90)
    parts = ['# Command line', _help(main, context)]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is not None:
            child = click.Context(command, info_name=name, parent=context, max_content_width=90)
            parts += [f'## `rastervision {name}`', _help(command, child)]
    return '\n\n'.join(parts) + '\n'


def _help(command: click.Command, context: click.Context) -> str:
    return f'```text\n{command.get_help(context)}\n```'


def config_page() -> str:
    """One section for each registered config class: type hint, fields, types, defaults, meaning."""
    parts = [
        '# Configuration',
        'Every config class, as it is defined in the code. In JSON, `type_hint` selects the class.',
    ]
    for plugin, configs in _configs_by_plugin():
        parts.append(f'## {plugin}')
        for type_hint, cls in configs:
            parts += [f'### {cls.__name__} {{#{type_hint}}}', _describe(type_hint, cls)]
    return '\n\n'.join(parts) + '\n'


def _configs_by_plugin() -> Iterator[tuple[str, list[tuple[str, type]]]]:
    from rastervision.pipeline import registry_ as registry

    registry.load_plugins()
    found: dict[str, list[tuple[str, type]]] = {}
    for type_hint in sorted(registry.configs):
        plugin = registry.get_plugin(type_hint)
        found.setdefault(plugin, []).append((type_hint, registry.get_config(type_hint)))
    yield from sorted(found.items())


def _describe(type_hint: str, cls: Any) -> str:
    doc = inspect.cleandoc(cls.__doc__ or '')
    bases = [b.__name__ for b in cls.__mro__[1:] if b.__name__.endswith('Config')]
    extends = f', extends {", ".join(bases)}' if bases else ''
    lines = [doc, '', f'Type hint `{type_hint}`{extends}.']
    rows = [
        f'| `{name}` | `{_type(field.annotation)}` | {_default(field)} '
        f'| {_cell(field.description)} |'
        for name, field in cls.model_fields.items()
        if name not in {'type_hint', 'plugin_versions'}
    ]
    if rows:
        lines += ['', '| field | type | default | meaning |', '|---|---|---|---|', *rows]
    return '\n'.join(lines)


def _type(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    for prefix in ('typing.', 'rastervision.', 'annotated_types.'):
        text = text.replace(prefix, '')
    return text.replace('|', '\\|')


def _default(field: Any) -> str:
    if field.is_required():
        return '*required*'
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return ''
    return f'`{value.value if isinstance(value, Enum) else value!r}`'.replace('|', '\\|')


def _cell(text: str | None) -> str:
    return ' '.join((text or '').split()).replace('|', '\\|')
