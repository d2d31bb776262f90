"""Scores of experiments beside the options that differ, as they are in their files."""

import csv
import json

import pytest
from click.testing import CliRunner

from rastervision.core.comparison import MAX_OPTIONS, as_csv, as_json, as_table, compare
from rastervision.pipeline.cli import main
from rastervision.pipeline.errors import ConfigError, NotReadableError


def items(f1):
    return [
        {'class_id': 0, 'class_name': 'road', 'metrics': {'f1': f1, 'accuracy': 1.0}},
        {'class_id': 1, 'class_name': 'null', 'metrics': {'f1': None, 'accuracy': 1.0}},
        {'class_name': 'average', 'metrics': {'f1': f1 / 2, 'accuracy': 1.0, 'macro_f1': 0.25}},
    ]


@pytest.fixture
def make(tmp_path):
    """Write an experiment, and return its root."""

    def write(name, scores, groups=('val',), **options):
        root = tmp_path / name
        for group in scores:
            folder = root / 'eval' / group
            folder.mkdir(parents=True)
            (folder / 'eval.json').write_text(json.dumps(scores[group]))
        root.mkdir(exist_ok=True)
        config = {
            'root_uri': str(root),
            'eval_uri': f'{root}/eval',
            'evaluators': [{'output_uri': f'{root}/eval'}],
            'dataset': {'scene_groups': {group: ['a'] for group in groups}},
            **options,
        }
        (root / 'pipeline-config.json').write_text(json.dumps(config))
        return str(root)

    return write


def table(rows):
    return [line.split() for line in as_table(rows).splitlines()]


def test_a_row_for_each_experiment_and_its_average(make):
    roots = [make(name, {'val': items(f1)}, lr=f1 / 10) for name, f1 in (('x', 0.5), ('y', 1))]
    assert table(compare(roots)) == [
        ['experiment', 'lr', 'scenes', 'of', 'f1', 'macro_f1'],
        ['x', '0.05', 'val', 'average', '0.250', '0.250'],
        ['y', '0.1', 'val', 'average', '0.500', '0.250'],
    ]


def test_classes_groups_and_metrics(make):
    scores = {'val': items(0.5), 'test': {'overall': items(0.25), 'per_scene': {}}}
    roots = [make('x', scores, ('val', 'test', 'empty')), make('y', {'test': items(1)}, ('test',))]
    rows = compare(roots, ['road'], ['f1', 'accuracy'])
    assert [(r.scenes, r.name, r.experiment, r.metrics['f1']) for r in rows] == [
        ('val', 'average', 'x', 0.25),
        ('val', 'road', 'x', 0.5),
        ('test', 'average', 'x', 0.125),
        ('test', 'average', 'y', 0.5),
        ('test', 'road', 'x', 0.25),
        ('test', 'road', 'y', 1),
    ]
    assert all(list(row.metrics) == ['f1', 'accuracy'] for row in rows)


def test_targets_of_a_regression(make):
    names = ('share', 'average')
    scores = [{'target': name, 'count': 3, 'metrics': {'mae': 0.5}} for name in names]
    rows = compare([make('x', {'val': scores})], ['share'])
    assert [(row.name, row.metrics) for row in rows] == [(n, {'mae': 0.5}) for n in names[::-1]]


def test_a_moved_experiment_has_its_scores(make, tmp_path):
    make('x', {'val': items(0.5)})
    (tmp_path / 'x').rename(tmp_path / 'moved')
    (row,) = compare([f'{tmp_path}/moved/'])
    assert (row.experiment, row.metrics['f1']) == ('moved', 0.25)


def test_scores_outside_of_the_root_stay_where_they_are(make, tmp_path):
    other = make('x2', {'val': items(1)})
    elsewhere = [{'output_uri': f'{other}/eval'}]
    (row,) = compare([make('x', {'val': items(0.5)}, evaluators=elsewhere)])
    assert row.metrics['f1'] == 0.5


def test_experiments_with_the_same_name_go_by_their_roots(make):
    roots = [make(name, {'val': items(0.5)}) for name in ('a/x', 'b/x', 'y')]
    assert [row.experiment for row in compare(roots)] == [roots[0], roots[1], 'y']


def test_files_have_all_options_and_whole_numbers(make):
    many = {f'option{i}': i for i in range(MAX_OPTIONS + 2)}
    roots = [
        make('x', {'val': items(1 / 3)}, **many, kind='a,b'),
        make('y', {'val': items(0)}, **dict.fromkeys(many), on=True, channels=[0, 1]),
    ]
    rows = compare(roots)
    assert as_table(rows).splitlines()[-1].startswith('5 more options differ')
    read = list(csv.DictReader(as_csv(rows).splitlines()))
    assert [(r['root_uri'], float(r['f1'])) for r in read] == [(roots[0], 1 / 6), (roots[1], 0)]
    assert [(r['kind'], r['on'], r['channels'], r['option3']) for r in read] == [
        ('a,b', '', '', '3'),
        ('', 'true', '[0, 1]', ''),
    ]
    assert [r['options'] for r in json.loads(as_json(rows))] == [row.options for row in rows]
    assert rows[1].options['channels'] == [0, 1]


def test_places_of_outputs_are_in_files_alone(make, tmp_path):
    evaluators = [{'output_uri': f'{tmp_path}/y/eval'}, {'output_uri': f'{tmp_path}/y/eval2'}]
    roots = [
        make('x', {'val': items(0.5)}, lr=1, weights='a', evaluators=evaluators[:1]),
        make('y', {'val': items(1)}, lr=2, weights='b', evaluators=evaluators[1:], eval_uri='e'),
    ]
    (tmp_path / 'y/eval').rename(tmp_path / 'y/eval2')
    rows = compare(roots)
    assert table(rows)[0][:4] == ['experiment', 'lr', 'weights', 'scenes']
    assert as_table(rows).splitlines()[-1] == '2 more options differ; --out writes all.'
    assert {*rows[0].options} == {'lr', 'weights', 'eval_uri', 'output_uri'}


def test_on_a_terminal_options_are_lines_of_their_own(make):
    long = 'a/' * 30
    roots = [
        make(name, {'val': items(f1)}, learning_rate=f1 / 10, image=long + name)
        for name, f1 in (('x', 0.5), ('y', 1))
    ]
    rows = compare(roots, ['road'])
    assert as_table(rows, 500) == as_table(rows)
    assert as_table(rows, 40).splitlines() == [
        'x: learning_rate=0.05,',
        '  image=a/a/a/a/a/a/a/a/…a/a/a/a/a/a/a/x',
        'y: learning_rate=0.1,',
        '  image=a/a/a/a/a/a/a/a/…a/a/a/a/a/a/a/y',
        '',
        'val, average:',
        'experiment  f1     macro_f1',
        'x           0.250  0.250',
        'y           0.500  0.250',
        '',
        'val, road:',
        'experiment  f1     macro_f1',
        'x           0.500  -',
        'y           1.000  -',
    ]
    assert 'macro_f1' not in as_table(rows, 20).split('val, road')[1]


def test_what_is_not_there_is_told(make):
    root = make('x', {'val': items(0.5)})
    with pytest.raises(ConfigError, match=r"no metric 'macrof1'.*Did you mean macro_f1"):
        compare([root], metrics=['macrof1'])
    with pytest.raises(ConfigError, match=r"no scores of 'rod'.*Did you mean road"):
        compare([root], names=['rod'])
    with pytest.raises(NotReadableError, match='run EVAL first'):
        compare([make('y', {})])


def test_the_command_writes_files_and_tells_of_missing_scores(make, tmp_path):
    make('x', {'val': items(0.5)}, lr=1)
    empty = make('y', {}, lr=2)
    outs = [str(tmp_path / f'scores.{suffix}') for suffix in ('csv', 'JSON')]
    result = CliRunner().invoke(
        main, ['compare', str(tmp_path), '--out', outs[0], '--out', outs[1]]
    )
    assert result.exit_code == 0
    assert f'{empty} has no scores: EVAL has not run.' in result.stderr
    assert result.stdout.splitlines()[1].split()[:3] == ['x', '1', 'val']
    assert (tmp_path / 'scores.csv').read_text().startswith('experiment,root_uri,lr,scenes,of,f1')
    assert json.loads((tmp_path / 'scores.JSON').read_text())[0]['metrics']['f1'] == 0.25
    result = CliRunner().invoke(main, ['compare', str(tmp_path), '--out', 'scores.txt'])
    assert 'ends with .csv or .json' in result.stderr


def test_scores_without_an_average_are_all_told(make):
    root = make('x', {'val': items(0.5)[:2], 'test': items(1)}, ('val', 'test'))
    found = [(row.scenes, row.name) for row in compare([root])]
    assert found == [('val', 'null'), ('val', 'road'), ('test', 'average')]
    assert [(r.scenes, r.name) for r in compare([root], ['road'])] == [
        ('val', 'road'),
        ('test', 'average'),
        ('test', 'road'),
    ]


@pytest.mark.parametrize('content', [{}, {'overall': None}, ['road'], 3])
def test_a_file_without_scores_is_named(make, content):
    root = make('x', {'val': content})
    with pytest.raises(NotReadableError, match=r'eval\.json is no eval\.json: it lists no scores'):
        compare([root])


def test_signatures_are_neither_options_nor_shown(make):
    uris = ['https://h/a.tif?sig=SECRET1', 'https://h/a.tif?sig=SECRET2']
    roots = [make(f'x{i}', {'val': items(0.5)}, image=uri) for i, uri in enumerate(uris)]
    assert all(not row.options for row in compare(roots))
    roots.append(make('y', {'val': items(0.5)}, image='https://u:SECRET@h/b.tif'))
    rows = compare(roots)
    assert [row.options['image'] for row in rows] == ['https://h/a.tif'] * 2 + ['https://h/b.tif']
    assert not any('SECRET' in shown(rows) for shown in (as_table, as_csv, as_json))
