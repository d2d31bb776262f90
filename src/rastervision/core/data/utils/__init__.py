"""Helpers of the data layer. The names here load their modules at their first use."""

from rastervision.core.compat_exports import further_names
from rastervision.pipeline.lazy import lazy_exports

_HERE = 'rastervision.core.data.utils'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.core.box': ['Box'],
        'rastervision.core.sampling.aoi_sampler': ['AoiSampler'],
        f'{_HERE}.alignment': ['match_bboxes'],
        f'{_HERE}.factory': ['make_ss_scene'],
        f'{_HERE}.geojson': [
            'all_geoms_valid',
            'buffer_geoms',
            'features_to_geojson',
            'filter_features',
            'filter_geojson_to_window',
            'geojson_to_geodataframe',
            'geojson_to_geoms',
            'geom_to_feature',
            'geometries_to_geojson',
            'geometry_to_feature',
            'geoms_to_bbox_coords',
            'geoms_to_geojson',
            'get_geodataframe_extent',
            'get_geojson_extent',
            'get_polygons_from_uris',
            'is_empty_feature',
            'map_features',
            'map_geoms',
            'map_to_pixel_coords',
            'merge_geojsons',
            'pixel_to_map_coords',
            'remove_empty_features',
            'simplify_polygons',
            'split_multi_geometries',
        ],
        f'{_HERE}.misc': [
            'all_equal',
            'color_to_integer',
            'color_to_triple',
            'ensure_json_serializable',
            'listify_uris',
            'normalize_color',
            'parse_array_slices_2d',
            'parse_array_slices_Nd',
            'rgb_to_int_array',
            'save_img',
        ],
        f'{_HERE}.raster': ['fill_overflow', 'pad_to_window_size'],
        f'{_HERE}.rasterio': [
            'build_vrt',
            'crop_geotiff',
            'download_and_build_vrt',
            'get_channel_order_from_dataset',
            'is_masked',
            'read_window',
            'write_bbox',
            'write_geotiff_like_geojson',
            'write_window',
        ],
        f'{_HERE}.vectorization': [
            'denoise',
            'get_kernel',
            'get_rectangle',
            'mask_to_building_polygons',
            'mask_to_polygons',
        ],
    },
    heavy=further_names(__name__),
)
