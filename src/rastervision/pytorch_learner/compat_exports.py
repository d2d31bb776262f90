"""Names that release 0.31 had in more packages than one; see `rastervision.core.compat_exports`.

`import *` does not take them.
"""

from rastervision.pipeline.lazy import homes_of, names_table

HOMES = names_table("""
rastervision.core.data:
    ChipClassificationLabels
rastervision.core.data.utils.colors:
    color_to_triple
rastervision.core.data.utils.factory:
    make_cc_scene make_od_scene make_ss_scene
rastervision.core.utils.misc:
    calculate_required_padding ensure_tuple
rastervision.pipeline.config:
    build_config register_config upgrade_config
rastervision.pipeline.file_system:
    download_if_needed download_or_copy file_exists file_to_json get_local_path get_tmp_dir
    is_local json_to_file list_paths make_dir sync_from_dir sync_to_dir unzip zipdir
rastervision.pipeline.rv_config:
    get_env_var
rastervision.pipeline.utils:
    terminate_at_exit
rastervision.pytorch_learner.dataset.classification_dataset:
    make_cc_geodataset make_image_folder_dataset
rastervision.pytorch_learner.dataset.visualizer:
    ClassificationVisualizer RegressionVisualizer
rastervision.pytorch_learner.dataset.visualizer.visualizer:
    channel_groups_to_imgs plot_channel_groups
rastervision.pytorch_learner.model_bundle:
    get_learner_config_from_bundle_dir
rastervision.pytorch_learner.plot_options:
    get_default_channel_display_groups validate_channel_display_groups
rastervision.pytorch_learner.regression_learner_config:
    RegressionPlotOptions
rastervision.pytorch_learner.training.run_log:
    log_metrics_to_csv
rastervision.pytorch_learner.upgraders:
    clf_data_config_upgrader data_config_upgrader geo_data_config_upgrader
    learner_config_upgrader model_config_upgrader objdet_data_config_upgrader
    reg_data_config_upgrader solver_config_upgrader ss_data_config_upgrader
    ss_image_data_config_upgrader
rastervision.pytorch_learner.utils.metrics:
    aggregate_metrics compute_conf_mat compute_conf_mat_metrics
rastervision.pytorch_learner.utils.system:
    log_system_details
rastervision.pytorch_learner.utils.utils:
    deserialize_albumentation_transform validate_albumentation_transform
""")
"""Names by home."""

FURTHER = names_table("""
rastervision.pytorch_learner:
    RegressionPlotOptions aggregate_metrics build_config clf_data_config_upgrader
    compute_conf_mat compute_conf_mat_metrics data_config_upgrader download_if_needed
    download_or_copy file_exists geo_data_config_upgrader get_env_var
    get_learner_config_from_bundle_dir get_local_path get_tmp_dir is_local json_to_file
    learner_config_upgrader list_paths log_metrics_to_csv log_system_details make_dir
    model_config_upgrader objdet_data_config_upgrader reg_data_config_upgrader register_config
    solver_config_upgrader ss_data_config_upgrader ss_image_data_config_upgrader sync_from_dir
    sync_to_dir terminate_at_exit unzip zipdir
rastervision.pytorch_learner.dataset:
    ClassificationVisualizer RegressionVisualizer ensure_tuple file_to_json make_cc_geodataset
    make_cc_scene make_image_folder_dataset make_od_scene make_ss_scene
rastervision.pytorch_learner.dataset.visualizer:
    channel_groups_to_imgs color_to_triple deserialize_albumentation_transform
    get_default_channel_display_groups make_dir plot_channel_groups
    validate_albumentation_transform validate_channel_display_groups
rastervision.pytorch_learner.utils:
    ChipClassificationLabels aggregate_metrics build_config calculate_required_padding
    download_if_needed file_exists file_to_json get_learner_config_from_bundle_dir get_tmp_dir
    log_system_details unzip upgrade_config
""")
"""Names by the packages that have them besides."""


def further_names(package: str) -> dict[str, list[str]]:
    """The names that a package has besides its own, by their homes."""
    return homes_of(FURTHER[package], HOMES)
