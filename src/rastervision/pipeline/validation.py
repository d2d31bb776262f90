"""What `rastervision validate` finds out about a pipeline."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rastervision.pipeline.errors import RVError
from rastervision.pipeline.tables import terminal_width, wrapped

SHOWN = 3
"""Places of one kind of problem that are named."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is, or may be, wrong.

    Attributes:
        where: What it is about, such as "scene 'a'" or 'TRAIN'.
        message: What is wrong, and the way out.
        is_error: Whether a command would fail; otherwise it only looks wrong.
        kind: What is the same in the messages of alike problems elsewhere, which people are told
            of in one line; by default the message.
    """

    where: str
    message: str
    is_error: bool
    kind: str = ''


@dataclass(frozen=True, slots=True)
class Validation:
    """What a pipeline would read, what it would take, and what is wrong.

    Attributes:
        problems: In the order in which they were found, each once.
        facts: What was found, as JSON.
        text: The same for people.
    """

    problems: tuple[Problem, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    text: str = ''

    @property
    def errors(self) -> list[Problem]:
        """What would make a command fail."""
        return [problem for problem in self.problems if problem.is_error]

    @property
    def warnings(self) -> list[Problem]:
        """What looks wrong."""
        return [problem for problem in self.problems if not problem.is_error]

    def to_json(self) -> dict[str, Any]:
        """All of it for programs."""
        problems = [
            {'level': 'error' if p.is_error else 'warning', 'where': p.where, 'message': p.message}
            for p in self.problems
        ]
        return {'ok': not self.errors, 'problems': problems, **self.facts}

    def report(self) -> str:
        """All of it for people: what was found, then warnings, then errors.

        Problems of one kind are in one line, which says what the first of them is. On a terminal
        lines are as wide as it is.
        """
        width = terminal_width()
        sections = [self.text] if self.text else []
        for name, found in (('Warnings', self.warnings), ('Errors', self.errors)):
            if found:
                lines = [wrapped(f'  {line}', width, '    ') for line in _grouped(found)]
                sections.append('\n'.join([f'{name} ({len(found)}):', *lines]))
        if not self.problems:
            sections.append('Nothing is wrong.')
        return '\n\n'.join(sections)


def _grouped(problems: Sequence[Problem]) -> Iterator[str]:
    """Lines for people; two problems of one place are never in one line."""
    lines: dict[tuple[str, int], list[Problem]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for problem in problems:
        kind = problem.kind or problem.message
        lines.setdefault((kind, seen[kind, problem.where]), []).append(problem)
        seen[kind, problem.where] += 1
    for alike in lines.values():
        which = ', of the first' if len({problem.message for problem in alike}) > 1 else ''
        yield f'{_places([problem.where for problem in alike])}{which}: {alike[0].message}'


def _places(places: Sequence[str]) -> str:
    """Some places in short, such as "4 scenes (a, b, c, …)" for "scene 'a'" and so on."""
    found = [re.fullmatch(r"(\w+) '(.*)'", place) for place in places]
    things = {match and match[1] for match in found}
    names = [match[2] for match in found if match]
    is_alike = len(things) == 1 and len(names) == len(places) > 1
    listed = names if is_alike else places
    text = ', '.join([*listed[:SHOWN], *(['…'] if len(listed) > SHOWN else [])])
    return f'{len(names)} {things.pop()}s ({text})' if is_alike else text


def check_root(root_uri: str | None) -> None:
    """Raise an error if it is known, without writing, that a run could not write below its root."""
    from rastervision.pipeline.file_system.file_system import FileSystem

    if root_uri:
        FileSystem.get_file_system(root_uri, 'w').check_writable(root_uri)


def root_problems(root_uri: str | None) -> list[Problem]:
    """What `check_root` has to say."""
    try:
        check_root(root_uri)
    except RVError as error:
        return [Problem('root_uri', str(error), is_error=True)]
    return []
