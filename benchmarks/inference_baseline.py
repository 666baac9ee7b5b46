"""The plain MONAI pipeline that benchmarks/inference.py compares with: nothing clever, nothing made slow on purpose.

float32 torch; the head as grouped convolutions over features repeated for every class; `sliding_window_inference` with
32 channels on the whole volume; sigmoid and threshold; then every class taken back to the CT by `Invertd` and saved.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
import torch.nn.functional as F
from monai.inferers import sliding_window_inference
from monai.transforms import (
    AsDiscreted,
    Compose,
    CropForegroundd,
    EnsureChannelFirstd,
    Invertd,
    LoadImaged,
    Orientationd,
    ScaleIntensityRanged,
    Spacingd,
)
from torch import Tensor, nn

from omentum.model import UniversalModel, load_model
from peak_memory import forget_peak, peak_gb


class RepeatedHead(nn.Module):
    """The model with the published way of drawing: grouped convolutions over features repeated for every class."""

    def __init__(self, model: UniversalModel) -> None:
        super().__init__()
        self.model, self.windows = model, 0

    def forward(self, x: Tensor) -> Tensor:
        """[1, 1, X, Y, Z] -> logits [1, K, X, Y, Z]."""
        self.windows += 1
        head, text = self.model.head, self.model.text_embeddings
        deep, decoded = self.model.backbone(x)
        return repeated_logits(head.voxel_features(decoded), head.layers(deep, text)[0], head.channels)


def repeated_logits(features: Tensor, layers: Tensor, c: int) -> Tensor:
    """Logits [1, K, X, Y, Z] from features [1, c, X, Y, Z] and the generated numbers [K, 2cc + 3c + 1]."""
    classes = len(layers)
    w1, w2, w3, b1, b2, b3 = layers.split((c * c, c * c, c, c, c, 1), dim=1)
    x = features.repeat(1, classes, 1, 1, 1)
    x = F.relu(F.conv3d(x, w1.reshape(classes * c, c, 1, 1, 1), b1.flatten(), groups=classes))
    x = F.relu(F.conv3d(x, w2.reshape(classes * c, c, 1, 1, 1), b2.flatten(), groups=classes))
    return F.conv3d(x, w3.reshape(classes, c, 1, 1, 1), b3.flatten(), groups=classes)


def main(weights: str, ct: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    model = load_model(weights).eval()
    spec = model.spec.preprocess
    before = forget_peak()
    started, spent = time.perf_counter(), time.process_time()
    low, high = spec.window_hu
    transform = Compose(
        [
            LoadImaged(keys="image"),
            EnsureChannelFirstd(keys="image"),
            Orientationd(keys="image", axcodes=spec.orientation, labels=None),
            Spacingd(keys="image", pixdim=spec.spacing_mm, mode="bilinear"),
            ScaleIntensityRanged(keys="image", a_min=low, a_max=high, b_min=0.0, b_max=1.0, clip=True),
            CropForegroundd(keys="image", source_key="image", allow_smaller=True),
        ]
    )
    item = transform({"image": ct})
    marks = {"prepared": (time.perf_counter() - started, time.process_time() - spent)}
    network = RepeatedHead(model)
    with torch.inference_mode():
        logits = sliding_window_inference(
            item["image"][None], spec.patch, 1, network, overlap=0.5, mode="gaussian", progress=True
        )
        marks["network"] = (time.perf_counter() - started, time.process_time() - spent)
        item["pred"] = (torch.sigmoid(logits[0]) > 0.5).float()
    back = Compose(
        [
            Invertd(keys="mask", transform=transform, orig_keys="image", nearest_interp=True, to_tensor=True),
            AsDiscreted(keys="mask", threshold=0.5),
        ]
    )
    for k, key in enumerate(model.spec.class_keys):
        mask = item["pred"][k : k + 1]
        done = back({"image": item["image"], "mask": mask})["mask"]
        nib.save(nib.Nifti1Image(done[0].numpy().astype(np.uint8), done.affine.numpy()), out / f"{key}.nii.gz")
    marks["saved"] = (time.perf_counter() - started, time.process_time() - spent)
    cost = {"marks": marks, "peak_gb": peak_gb() - before, "windows": network.windows}
    (out / "cost.json").write_text(json.dumps(cost), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
