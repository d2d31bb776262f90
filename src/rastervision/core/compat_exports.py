"""Names that release 0.31 had in more packages than one.

A package there showed whatever its modules had imported. Each name has one home here, and the
other packages load it at its first use. `import *` takes such a name where it did in that release:
from `rastervision.core`, `.data`, `.data.utils` and `.utils`.
"""

from rastervision.pipeline.lazy import homes_of, names_table

HOMES = names_table("""
rastervision.core.box:
    Box
rastervision.core.data:
    BufferTransformerConfig CRSTransformer ChipClassificationGeoJSONStoreConfig
    ChipClassificationLabelSourceConfig ChipClassificationLabels ClassConfig
    ClassInferenceTransformerConfig GeoJSONVectorSourceConfig ObjectDetectionGeoJSONStoreConfig
    ObjectDetectionLabels RGBClassTransformer RasterSource RasterSourceConfig
    RasterioCRSTransformer RasterioSource RasterizedSourceConfig SemanticSegmentationLabelSource
    SemanticSegmentationLabels SemanticSegmentationSmoothLabels VectorSource VectorSourceConfig
    VectorTransformerConfig
rastervision.core.data.dataset_config:
    dataset_config_upgrader
rastervision.core.data.label.np_box_list:
    clip_to_window concatenate non_max_suppression prune_non_overlapping_boxes
rastervision.core.data.label.utils:
    discard_prediction_edges
rastervision.core.data.label_source.chip_classification_label_source:
    cc_label_source_config_upgrader infer_cells read_labels
rastervision.core.data.label_source.semantic_segmentation_label_source:
    ss_label_source_config_upgrader
rastervision.core.data.label_store.vector_output:
    building_vo_config_upgrader vo_config_upgrader
rastervision.core.data.raster_source.multi_raster_source:
    multi_rs_config_upgrader
rastervision.core.data.raster_source.raster_source:
    rs_config_upgrader
rastervision.core.data.raster_source.rasterio_source:
    rasterio_source_config_upgrader
rastervision.core.data.raster_source.rasterized_source:
    geoms_to_raster
rastervision.core.data.raster_source.stac_config:
    subset_assets
rastervision.core.data.raster_transformer.stats_transformer:
    stats_transformer_config_upgrader
rastervision.core.data.raster_transformer.utils:
    get_transformed_dtype get_transformed_num_channels
rastervision.core.data.scene:
    scene_config_upgrader
rastervision.core.data.utils.alignment:
    match_bboxes
rastervision.core.data.utils.colors:
    color_to_integer color_to_triple normalize_color rgb_to_int_array
rastervision.core.data.utils.factory:
    make_cc_scene make_od_scene make_ss_scene
rastervision.core.data.utils.geojson:
    all_geoms_valid buffer_geoms features_to_geojson filter_features filter_geojson_to_window
    geojson_to_geodataframe geojson_to_geoms geom_to_feature geometries_to_geojson
    geometry_to_feature geoms_to_bbox_coords geoms_to_geojson get_geodataframe_extent
    get_geojson_extent get_polygons_from_uris is_empty_feature map_features map_geoms
    map_to_pixel_coords merge_geojsons pixel_to_map_coords remove_empty_features
    simplify_polygons split_multi_geometries
rastervision.core.data.utils.label_geojson:
    boxes_to_geojson
rastervision.core.data.utils.misc:
    all_equal ensure_json_serializable listify_uris parse_array_slices_2d parse_array_slices_Nd
    save_img
rastervision.core.data.utils.raster:
    fill_overflow pad_to_window_size
rastervision.core.data.utils.rasterio:
    build_vrt crop_geotiff download_and_build_vrt get_channel_order_from_dataset is_masked
    read_window write_bbox write_geotiff_like_geojson write_window
rastervision.core.data.utils.vectorization:
    denoise get_kernel get_rectangle mask_to_building_polygons mask_to_polygons
rastervision.core.data.vector_source.geojson_vector_source:
    geojson_vector_source_config_upgrader
rastervision.core.data.vector_source.vector_source:
    sanitize_geojson vector_source_config_upgrader
rastervision.core.data.vector_transformer.property_filter:
    create_filter
rastervision.core.evaluation:
    ChipClassificationEvaluatorConfig ObjectDetectionEvaluatorConfig
rastervision.core.evaluation.object_detection_evaluation:
    compute_metrics
rastervision.core.evaluation.semantic_segmentation_evaluator:
    ss_evaluator_config_upgrader
rastervision.core.moments:
    parallel_mean parallel_variance
rastervision.core.raster_stats:
    get_chip get_num_chips_to_sample random_chip_stream sliding_chip_stream
rastervision.core.rv_pipeline.upgraders:
    rv_pipeline_config_upgrader ss_chip_options_upgrader ss_config_upgrader
rastervision.core.sampling.chip_filter:
    nodata_below_threshold
rastervision.core.utils.misc:
    calculate_required_padding ensure_tuple
rastervision.pipeline.config:
    Config build_config register_config upgrade_config
rastervision.pipeline.errors:
    ConfigError NotReadableError
rastervision.pipeline.file_system:
    download_if_needed file_exists file_to_json get_local_path get_tmp_dir json_to_file make_dir
    str_to_file sync_from_dir sync_to_dir unzip upload_or_copy zipdir
rastervision.pipeline.utils:
    repr_with_args split_into_groups
""")
"""Names by home."""

FURTHER = names_table("""
rastervision.core:
    build_config calculate_required_padding download_if_needed ensure_json_serializable
    ensure_tuple file_to_json get_chip get_num_chips_to_sample get_tmp_dir json_to_file
    parallel_mean parallel_variance random_chip_stream repr_with_args sliding_chip_stream unzip
    upgrade_config
rastervision.core.analyzer:
    register_config
rastervision.core.backend:
    register_config
rastervision.core.data:
    all_equal all_geoms_valid boxes_to_geojson buffer_geoms build_vrt color_to_integer
    color_to_triple crop_geotiff dataset_config_upgrader denoise download_and_build_vrt
    download_if_needed ensure_json_serializable features_to_geojson file_to_json fill_overflow
    filter_features filter_geojson_to_window geojson_to_geodataframe geojson_to_geoms
    geom_to_feature geometries_to_geojson geometry_to_feature geoms_to_bbox_coords
    geoms_to_geojson get_channel_order_from_dataset get_geodataframe_extent get_geojson_extent
    get_kernel get_local_path get_polygons_from_uris get_rectangle get_tmp_dir is_empty_feature
    is_masked listify_uris make_cc_scene make_dir make_od_scene make_ss_scene map_features
    map_geoms map_to_pixel_coords mask_to_building_polygons mask_to_polygons match_bboxes
    merge_geojsons normalize_color pad_to_window_size parse_array_slices_2d
    parse_array_slices_Nd pixel_to_map_coords read_window register_config remove_empty_features
    rgb_to_int_array save_img scene_config_upgrader simplify_polygons split_into_groups
    split_multi_geometries upload_or_copy write_bbox write_geotiff_like_geojson write_window
rastervision.core.data.label:
    Box clip_to_window concatenate discard_prediction_edges non_max_suppression
    prune_non_overlapping_boxes
rastervision.core.data.label_source:
    Box BufferTransformerConfig ChipClassificationLabels ClassConfig
    ClassInferenceTransformerConfig Config ConfigError ObjectDetectionLabels RasterSource
    RasterSourceConfig RasterizedSourceConfig SemanticSegmentationLabels VectorSource
    VectorSourceConfig cc_label_source_config_upgrader infer_cells pad_to_window_size
    parse_array_slices_2d read_labels register_config ss_label_source_config_upgrader
rastervision.core.data.label_store:
    Box CRSTransformer ChipClassificationLabelSourceConfig ChipClassificationLabels ClassConfig
    Config GeoJSONVectorSourceConfig NotReadableError ObjectDetectionLabels RGBClassTransformer
    RasterioSource SemanticSegmentationLabelSource SemanticSegmentationLabels
    SemanticSegmentationSmoothLabels building_vo_config_upgrader denoise download_if_needed
    file_exists geoms_to_geojson get_local_path get_tmp_dir json_to_file make_dir
    mask_to_building_polygons mask_to_polygons register_config sync_to_dir vo_config_upgrader
    write_window
rastervision.core.data.raster_source:
    all_equal download_and_build_vrt download_if_needed file_to_json fill_overflow
    geoms_to_raster get_channel_order_from_dataset get_tmp_dir get_transformed_dtype
    get_transformed_num_channels is_masked listify_uris multi_rs_config_upgrader
    parse_array_slices_Nd rasterio_source_config_upgrader read_window register_config
    rs_config_upgrader subset_assets
rastervision.core.data.raster_transformer:
    color_to_integer color_to_triple register_config repr_with_args rgb_to_int_array
    stats_transformer_config_upgrader
rastervision.core.data.utils:
    download_if_needed file_to_json get_local_path get_tmp_dir make_dir upload_or_copy
rastervision.core.data.vector_source:
    Box Config VectorTransformerConfig all_geoms_valid download_if_needed
    filter_geojson_to_window geojson_to_geodataframe geojson_to_geoms
    geojson_vector_source_config_upgrader get_geojson_extent listify_uris map_to_pixel_coords
    merge_geojsons pixel_to_map_coords register_config remove_empty_features sanitize_geojson
    simplify_polygons split_multi_geometries vector_source_config_upgrader
rastervision.core.data.vector_transformer:
    Config RasterioCRSTransformer buffer_geoms create_filter features_to_geojson map_geoms
    map_to_pixel_coords pixel_to_map_coords register_config
rastervision.core.evaluation:
    compute_metrics ensure_json_serializable register_config ss_evaluator_config_upgrader
    str_to_file
rastervision.core.rv_pipeline:
    ChipClassificationEvaluatorConfig ChipClassificationGeoJSONStoreConfig
    ObjectDetectionEvaluatorConfig ObjectDetectionGeoJSONStoreConfig download_if_needed
    file_exists get_local_path make_dir nodata_below_threshold register_config
    rv_pipeline_config_upgrader ss_chip_options_upgrader ss_config_upgrader sync_from_dir
    upload_or_copy zipdir
""")
"""Names by the packages that have them besides."""


def further_names(package: str) -> dict[str, list[str]]:
    """The names that a package has besides its own, by their homes."""
    return homes_of(FURTHER[package], HOMES)
