"""The STAC item of a bundle, against pystac and the rules of the MLM extension."""

import re
from datetime import UTC, datetime

import pystac
import pytest
from pystac.extensions.mlm import MLMExtension
from pystac.validation import JsonSchemaSTACValidator

from rastervision.core.stac_mlm import MLM_SCHEMA, Asset, ModelFacts, mlm_item

FACTS = ModelFacts(
    architecture='unet resnet18',
    framework='PyTorch',
    framework_version='2.9.0+cpu',
    pretrained=False,
    input_shape=(4, 256, 256),
    artifact_type='safetensors.torch.save_file',
)
ASSETS = {
    'model': Asset('model-bundle.zip', 1234, 'ab' * 32),
    'pipeline-config': Asset('pipeline-config.json', 12, 'cd' * 32),
}


def item(**kwargs):
    args = {
        'name': 'my_run',
        'task': 'semantic-segmentation',
        'facts': FACTS,
        'class_names': ['building', 'öther thing', 'null'],
        'class_colors': [(255, 0, 0), (0, 0, 0), (1, 2, 3)],
        'assets': ASSETS,
        'created': datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return mlm_item(**{**args, **kwargs})


@pytest.mark.parametrize('bounds', [None, (-43.5, -23.0, -43.4, -22.9)])
def test_it_is_a_valid_stac_item(bounds):
    d = item(bounds=bounds)
    parsed = pystac.Item.from_dict(d)
    assert parsed.datetime == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    # the core schemas ship with pystac; those of the extensions would come from the network
    core = {**d, 'stac_extensions': []}
    JsonSchemaSTACValidator().validate_core(core, pystac.STACObjectType.ITEM, '1.1.0')
    assert (d['geometry'] is None) == ('bbox' not in d)


def test_pystac_reads_the_mlm_fields():
    mlm = MLMExtension.ext(pystac.Item.from_dict(item(batch_size=8)))
    assert mlm.mlm_name == 'my_run'
    assert mlm.tasks == ['semantic-segmentation']
    assert mlm.framework_version == '2.9.0+cpu'
    assert mlm.batch_size_suggestion == 8
    assert mlm.pretrained is False
    assert mlm.pretrained_source is None
    assert mlm.input[0].input.shape == [-1, 4, 256, 256]
    assert mlm.output[0].result.shape == [-1, 3, 256, 256]
    assert [c.name for c in mlm.output[0].classes] == ['building', '_ther_thing', 'null']


def test_required_fields_and_patterns():
    d = item(scaling=[{'mean': 1.5, 'stddev': 2.0}] * 4)
    properties = d['properties']
    assert MLM_SCHEMA in d['stac_extensions']
    assert {'mlm:name', 'mlm:architecture', 'mlm:tasks', 'mlm:input', 'mlm:output'} <= set(
        properties
    )
    assert 'mlm:pretrained_source' in properties
    source = properties['mlm:input'][0]
    assert len(source['input']['shape']) == len(source['input']['dim_order']) == 4
    assert source['value_scaling'] == [{'type': 'z-score', 'mean': 1.5, 'stddev': 2.0}] * 4
    for cls in properties['mlm:output'][0]['classification:classes']:
        assert re.fullmatch('[0-9A-Za-z-_]+', cls['name'])
        assert re.fullmatch('[0-9A-F]{6}', cls['color_hint'])
    models = [a for a in d['assets'].values() if 'mlm:model' in a['roles']]
    assert [m['mlm:artifact_type'] for m in models] == ['safetensors.torch.save_file']
    assert all(re.fullmatch('1220[0-9a-f]{64}', a['file:checksum']) for a in d['assets'].values())
    others = [a for a in d['assets'].values() if 'mlm:model' not in a['roles']]
    assert not any('mlm:artifact_type' in a for a in others)


@pytest.mark.parametrize('name', ['', '1', 'a', 'ü ö', 'demo', '.hidden_', 'x' * 50, '2024 run'])
def test_names_are_bent_to_the_pattern(name):
    assert re.fullmatch(r'[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]', item(name=name)['id'])


def test_unknown_facts_are_left_out():
    properties = item(facts=ModelFacts())['properties']
    assert 'mlm:framework' not in properties
    assert 'mlm:pretrained' not in properties
    assert properties['mlm:input'][0]['input']['shape'] == [-1, -1, -1, -1]


def test_onnx_is_an_asset_of_its_own():
    onnx = Asset('model-bundle.zip#model.onnx', 99, 'ef' * 32)
    parsed = pystac.Item.from_dict(item(assets={**ASSETS, 'onnx': onnx}))
    asset = parsed.assets['onnx']
    assert asset.media_type == 'application/octet-stream; framework=onnx'
    assert 'mlm:model' in asset.roles
    assert asset.extra_fields['mlm:artifact_type'] == 'torch.onnx.export'
    assert asset.extra_fields['file:checksum'] == '1220' + 'ef' * 32
    assert parsed.assets['model'].media_type == 'application/zip'
