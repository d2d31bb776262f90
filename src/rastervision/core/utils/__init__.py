"""Helpers."""

from rastervision.pipeline.lazy import lazy_exports

_HERE = 'rastervision.core.utils'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {f'{_HERE}.misc': ['calculate_required_padding', 'ensure_tuple']},
    heavy={
        'rastervision.pipeline.file_system': ['file_to_json'],
        f'{_HERE}.stac': [
            'get_linked_image_item',
            'is_label_item',
            'parse_stac',
            'read_stac',
            'setup_stac_io',
        ],
    },
)
