"""TotalSegmentator v2 names of our structures, where they exist; much other software reads its files."""

from __future__ import annotations

from collections.abc import Mapping

TOTALSEGMENTATOR_NAMES: Mapping[str, str] = {
    "spleen": "spleen",
    "right_kidney": "kidney_right",
    "left_kidney": "kidney_left",
    "gallbladder": "gallbladder",
    "oesophagus": "esophagus",
    "liver": "liver",
    "stomach": "stomach",
    "aorta": "aorta",
    "inferior_vena_cava": "inferior_vena_cava",
    "portal_splenic_vein": "portal_vein_and_splenic_vein",
    "pancreas": "pancreas",
    "right_adrenal": "adrenal_gland_right",
    "left_adrenal": "adrenal_gland_left",
    "duodenum": "duodenum",
    "hepatic_vessel": "liver_vessels",
    "right_lung": "lung_right",
    "left_lung": "lung_left",
    "colon": "colon",
    "small_bowel": "small_bowel",
    "bladder": "urinary_bladder",
    "prostate": "prostate",
    "liver_tumour": "liver_tumor",
}
"""Structure key -> name. Left out: what it lacks or defines differently (whole femurs, a rectum that is colon)."""
