"""The local copy of the outputs of a training that belong elsewhere."""

import uuid

from rastervision.pipeline.file_system import file_to_str, str_to_file
from rastervision.pytorch_learner.training.run_folder import RunFolder


def test_the_lock_of_a_shared_folder_is_no_output(tmp_path):
    uri = f'memory://{uuid.uuid4().hex}/train'
    str_to_file('{"run": "old"}', f'{uri}/.state/lock.json')
    str_to_file('epoch,loss', f'{uri}/log.csv')
    folder = RunFolder.open(uri, str(tmp_path))
    assert [path.name for path in folder.local.iterdir()] == ['log.csv']
    str_to_file('{"run": "new"}', f'{uri}/.state/lock.json')
    folder.bundle.write_text('a model')
    folder.sync()
    assert file_to_str(f'{uri}/.state/lock.json') == '{"run": "new"}'
    assert file_to_str(f'{uri}/{folder.bundle.name}') == 'a model'
