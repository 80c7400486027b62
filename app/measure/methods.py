"""Names of the measurements and of their methods; light, so that manifests can be checked.

What each of them means, in words, is in ``resources/measure/definitions.json``
(``app/measure/definitions.py``).
"""

from __future__ import annotations

from typing import Final

OF_ONE_MASK: Final[dict[str, str]] = {
    "volume": "voxel-count@1",
    "long_axis": "recist-long-axis@1",
    "short_axis": "recist-short-axis@1",
    "max_diameter_3d": "feret-3d@1",
    "surface_area": "crofton@1",
    "centroid": "voxel-centroid@1",
    "area": "area-pixel-count@1",
    "mean": "values-in-mask@1",
    "sd": "values-in-mask@1",
    "min": "values-in-mask@1",
    "max": "values-in-mask@1",
    "median": "values-in-mask@1",
    "p15": "values-in-mask@1",
    "laa950": "laa-950@1",
    "agatston": "agatston@1",
}
RATIOS: Final[dict[str, str]] = {
    "area_ratio": "area-ratio@1",
    "cardiothoracic_ratio": "cardiothoracic-extent@1",
}
OF_TWO_MASKS: Final = tuple(RATIOS)

# of structures that are named by role: app/measure/regional.py
REGIONAL: Final[dict[str, str]] = {
    # abdomen
    "liver_hu": "liver-hu@1",
    "liver_hu_iqr": "liver-hu@1",
    "liver_spleen_difference": "liver-spleen-difference@1",
    "liver_volume": "organ-volume@1",
    "spleen_volume": "organ-volume@1",
    "kidney_volume": "organ-volume@1",
    "spleen_length": "spleen-length@1",
    "kidney_length": "kidney-length@1",
    "adrenal_hu": "adrenal-hu@1",
    "stone_diameter": "stone@1",
    "stone_volume": "stone@1",
    "stone_mean_hu": "stone@1",
    "stone_max_hu": "stone@1",
    # body composition
    "muscle_area": "muscle-at-level@1",
    "muscle_hu": "muscle-at-level@1",
    "muscle_index": "muscle-index@1",
    "visceral_fat_area": "fat-at-level@1",
    "subcutaneous_fat_area": "fat-at-level@1",
    "visceral_subcutaneous_ratio": "fat-at-level@1",
    # chest
    "lung_volume": "lung-volume@1",
    "lung_share": "lung-volume@1",
    "lung_laa950": "lung-density@1",
    "lung_perc15": "lung-density@1",
    "lung_haa": "lung-density@1",
    "effusion_volume": "effusion-volume@1",
    "nodule_long_axis": "nodule-axes@1",
    "nodule_short_axis": "nodule-axes@1",
    "nodule_mean_diameter": "nodule-axes@1",
    "nodule_volume": "nodule-volume@1",
    "nodule_effective_diameter": "nodule-volume@1",
    # heart and vessels
    "aorta_ascending_diameter": "aorta-diameter@1",
    "aorta_proximal_arch_diameter": "aorta-diameter@1",
    "aorta_mid_arch_diameter": "aorta-diameter@1",
    "aorta_proximal_descending_diameter": "aorta-diameter@1",
    "aorta_mid_descending_diameter": "aorta-diameter@1",
    "aorta_diaphragm_diameter": "aorta-diameter@1",
    "aorta_abdominal_diameter": "aorta-diameter@1",
    "aorta_max_diameter": "aorta-diameter@1",
    "aorta_max_across": "aorta-diameter@1",
    "pulmonary_trunk_diameter": "pulmonary-trunk@1",
    "pulmonary_aortic_ratio": "pulmonary-trunk@1",
    "rv_lv_ratio": "rv-lv-axial@1",
    "coronary_agatston": "agatston@1",
    "coronary_calcium_volume": "calcium-volume@1",
    "epicardial_fat_volume": "epicardial-fat@1",
    "epicardial_fat_index": "epicardial-fat@1",
    # spine
    "l1_trabecular_hu": "vertebral-trabecular-hu@1",
    "vertebral_anterior_height": "vertebral-heights@1",
    "vertebral_middle_height": "vertebral-heights@1",
    "vertebral_posterior_height": "vertebral-heights@1",
    "vertebral_height_loss": "vertebral-height-loss@1",
    "vertebral_height_loss_to_neighbours": "vertebral-height-loss@1",
    # head
    "hemorrhage_volume": "hemorrhage-volume@1",
    "hemorrhage_abc2": "abc2@1",
    "evans_index": "evans-index@1",
    "hippocampus_volume": "hippocampus-volume@1",
    "hippocampus_asymmetry": "hippocampus-asymmetry@1",
    # of points that the reader gives
    "midline_shift": "midline-shift@1",
    "cardiothoracic_ratio_of_lines": "cardiothoracic-lines@1",
    # of numbers
    "adrenal_washout_absolute": "adrenal-washout@1",
    "adrenal_washout_relative": "adrenal-washout@1",
    "volume_change": "volume-change@1",
    "volume_doubling_time": "volume-doubling-time@1",
    "recist_sum": "recist-sum@1",
}
METHODS: Final[dict[str, str]] = OF_ONE_MASK | RATIOS | REGIONAL
