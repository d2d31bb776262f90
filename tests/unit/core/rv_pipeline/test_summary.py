from rastervision.core.rv_pipeline.summary import score_table


def test_targets_of_a_regression_have_their_errors():
    metrics = {'mae': 0.04, 'rmse': 0.07, 'bias': -0.02, 'r2': None}
    items = [
        {'target': 'share', 'count': 46, 'metrics': metrics},
        {'target': 'unknown', 'count': 0, 'metrics': {}},
    ]
    assert [line.split() for line in score_table(items).splitlines()] == [
        ['target', 'mae', 'rmse', 'bias', 'r2'],
        ['share', '0.040', '0.070', '-0.020', '-'],
    ]


def counted(name, truth, predicted, **metrics):
    return {
        'class_name': name,
        'gt_count': truth,
        'pred_count': predicted,
        'metrics': {'f1': 0.5, **metrics},
    }


def test_a_class_that_nobody_saw_has_no_row():
    items = [counted('water', 3, 0), counted('null', 0, 0)]
    assert score_table(items).splitlines() == ['  class     f1', '  water  0.500']


def test_missing_data_that_were_predicted_have_a_row():
    """Their pixels have data and a label, so they are errors."""
    items = [counted('water', 3, 1), counted('null', 0, 2)]
    assert score_table(items).splitlines()[-1] == '  null   0.500'


def test_a_class_that_is_never_right_has_f1_0():
    """Release 0.31 wrote null into the file, and so do we."""
    items = [counted('water', 3, 2, precision=0.0, recall=0.0, f1=None)]
    assert score_table(items).split()[-3:] == ['0.000', '0.000', '0.000']


def test_averages_say_how_they_weigh():
    classes = [{**counted(name, 3, 3), 'class_id': i} for i, name in enumerate(['a', 'average'])]
    average = counted('average', 6, 6, macro_f1=0.25, balanced_accuracy=None)
    assert score_table([*classes, average]).splitlines() == [
        '  class                f1',
        '  a                 0.500',
        '  average           0.500',
        '  weighted average  0.500',
        '  every class counting the same: macro F1 0.250',
    ]
