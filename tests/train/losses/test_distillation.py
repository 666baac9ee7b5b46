"""Distillation: nothing where both agree, towards the teacher where not, and only for the teacher's classes."""

from __future__ import annotations

import torch
from small_models import small_model

from omentum.model.adapters import with_classes
from omentum.spec import ClassSpec
from omentum.train.losses.distillation import Distillation
from omentum.train.losses.patch_loss import voxel_subsample

X = torch.rand(2, 1, 32, 32, 32, generator=torch.Generator().manual_seed(0))
VOXELS = voxel_subsample(0, 8)


def test_a_model_that_says_the_same_of_known_classes_loses_nothing():
    teacher = small_model("residual_unet")
    student = with_classes(teacher, (ClassSpec("pancreas", "A pancreas"),), torch.randn(1, 12))
    loss = Distillation(teacher, 1.0)(X, VOXELS, student.logits_at(X, VOXELS)[0])
    assert abs(loss.item()) < 1e-5


def test_it_pulls_towards_the_teacher_whose_weights_stay():
    teacher, student = small_model("residual_unet"), small_model("residual_unet")
    torch.nn.init.normal_(student.head.controller.weight)
    distillation = Distillation(teacher, 1.0).train()
    assert not distillation.teacher.training
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    optimiser = torch.optim.Adam(student.parameters(), 0.01)
    figures = []
    for _ in range(15):
        loss = distillation(X, VOXELS, student.logits_at(X, VOXELS)[0])
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        figures.append(loss.item())
    assert figures[0] > 0
    assert figures[-1] < 0.8 * figures[0]
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert all(p.grad is None for p in teacher.parameters())
