"""Training data from chips in image files."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.data_config import DataConfig, Split

if TYPE_CHECKING:
    from pathlib import Path

    from torch.utils.data import Dataset

    from rastervision.pytorch_learner.dataset.transform import Transform

Proportion = Annotated[float, Field(ge=0, le=1)]


@register_config('image_data')
class ImageDataConfig(DataConfig):
    """Chips in files: folders or zip files with subfolders `train`, `valid` and maybe `test`."""

    data_format: str | None = Field(None, description='How chips and labels lie in the folders.')
    uri: str | list[str] | None = Field(
        None,
        description='Where the chips are: a folder with subfolders train, valid and maybe test, a '
        'zip file of such a folder, a list of such zip files, or a folder of such zip files.',
    )
    group_uris: list[str | list[str]] | None = Field(
        None,
        description='Groups of chips instead of uri, each as uri would take it, so that '
        'group_train_sz can pick from each.',
    )
    group_train_sz: int | list[int] | None = Field(
        None,
        description='Number of training chips to use from each group: one number for all groups, '
        'or one for each.',
    )
    group_train_sz_rel: Proportion | list[Proportion] | None = Field(
        None, description='Share of the training chips to use from each group, as group_train_sz.'
    )

    def validate_config(self) -> None:
        super().validate_config()
        if self.uri is not None and self.group_uris is not None:
            raise ConfigError('uri and group_uris exclude each other; give one of them.')
        sizes = {
            'group_train_sz': self.group_train_sz,
            'group_train_sz_rel': self.group_train_sz_rel,
        }
        given = [name for name, value in sizes.items() if value is not None]
        if len(given) == 2:
            raise ConfigError('group_train_sz and group_train_sz_rel exclude each other.')
        for name in given:
            if self.group_uris is None:
                raise ConfigError(f'{name} needs group_uris; for uri, use train_sz.')
            value = sizes[name]
            if isinstance(value, list) and len(value) != len(self.group_uris):
                raise ConfigError(
                    f'{name} has {len(value)} numbers for {len(self.group_uris)} groups; give one '
                    'number per group, or a single number for all.'
                )

    def dir_to_dataset(self, data_dir: 'Path', transform: 'Transform | None') -> 'Dataset[Any]':
        """Make a dataset of the chips in one folder, such as `train`."""
        raise NotImplementedError(f'{type(self).__name__} does not know how its chips are stored.')

    def build_dataset(
        self, split: Split, tmp_dir: str | None = None, for_chipping: bool = False
    ) -> 'Dataset[Any] | None':
        """Make the data of one split.

        Args:
            split: Which one.
            tmp_dir: Folder for files that are downloaded or unpacked.
            for_chipping: Must be False: these data are chips already.

        Returns:
            The chips of all folders, or None if no folder has such a split.

        Raises:
            ConfigError: If neither uri nor group_uris is set.
            DataError: If there are no chips where they ought to be.
        """
        from rastervision.pytorch_learner.dataset.subset import concat

        if for_chipping:
            raise ConfigError(f'{type(self).__name__} holds chips already; chip with geo data.')
        transform = self.transform_of(split)
        if self.group_uris is None:
            dataset = self._dataset_at(self.uri, split, transform, tmp_dir)
            if dataset is not None and split == 'train':
                self.warn_about_labels(dataset)
                dataset = self.limit_train_dataset(dataset)
            return dataset
        groups = [self._dataset_at(uri, split, transform, tmp_dir) for uri in self.group_uris]
        if split == 'train':
            if (dataset := concat(groups)) is not None:
                self.warn_about_labels(dataset)
            sizes, shares = self.group_train_sz, self.group_train_sz_rel
            groups = [
                self.random_subset_dataset(group, _pick(sizes, i), _pick(shares, i))
                for i, group in enumerate(groups)
                if group is not None
            ]
        return concat(groups)

    @property
    def origin(self) -> str:
        """Where the chips are, for messages."""
        uris = self.uri if self.group_uris is None else self.group_uris
        flat = [uri for one in _as_list(uris) for uri in _as_list(one)]
        return ', '.join(flat[:5]) + (', ...' if len(flat) > 5 else '')

    def _dataset_at(
        self,
        uri: str | list[str] | None,
        split: Split,
        transform: 'Transform | None',
        tmp_dir: str | None,
    ) -> 'Dataset[Any] | None':
        from rastervision.pytorch_learner.dataset.chip_dirs import split_dirs
        from rastervision.pytorch_learner.dataset.subset import concat

        if uri is None:
            raise ConfigError('uri is not set: say where the chips are.')
        return concat(self.dir_to_dataset(d, transform) for d in split_dirs(uri, split, tmp_dir))


def _pick(values: Any, i: int) -> Any:
    return values[i] if isinstance(values, list) else values


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
