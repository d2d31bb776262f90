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


def test_missing_data_are_no_class_of_the_table():
    items = [
        {'class_name': name, 'gt_count': 3, 'metrics': {'f1': 0.5}} for name in ('water', 'null')
    ]
    assert score_table(items, without='null').splitlines() == ['  class     f1', '  water  0.500']
