"""What `rastervision validate` finds out about a pipeline."""

from dataclasses import dataclass, field
from typing import Any

from rastervision.pipeline.errors import RVError


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is, or may be, wrong.

    Attributes:
        where: What it is about, such as "scene 'a'" or 'TRAIN'.
        message: What is wrong, and the way out.
        is_error: Whether a command would fail; otherwise it only looks wrong.
    """

    where: str
    message: str
    is_error: bool


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
        """All of it for people: what was found, then warnings, then errors."""
        sections = [self.text] if self.text else []
        for name, found in (('Warnings', self.warnings), ('Errors', self.errors)):
            if found:
                lines = [f'  {problem.where}: {problem.message}' for problem in found]
                sections.append('\n'.join([f'{name} ({len(found)}):', *lines]))
        if not self.problems:
            sections.append('Nothing is wrong.')
        return '\n\n'.join(sections)


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
