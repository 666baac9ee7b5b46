"""MONAI Label's module for 3D Slicer, as far as a service sees it."""

import json
from email import message_from_bytes
from urllib.parse import quote_plus

import numpy as np
from banded_phantom import ras_grid, rotated, stored
from case_files import put_ct
from forms import form, params_part

from omentum.io.images import read_image
from omentum.io.nifti import write_volume
from omentum.volume import Volume

GRID = rotated(stored(ras_grid((4.0, 4.0, 4.0)), (2, 0, 1), (True, False, True)), 10)
NAME = "3: Abdomen DOE^JOHN/../x"
"""As Slicer calls a volume."""


class Slicer:
    """The module after *Run*: it knows its image by the name of its volume alone."""

    def __init__(self, client, folder, grid=GRID, name=NAME):
        self.client, self.folder, self.name = client, folder, quote_plus(name)
        put_ct(folder / "ct.nii.gz", grid)
        file = ("file", "/tmp/tmpabc.nii.gz", (folder / "ct.nii.gz").read_bytes())
        sent = client.put(f"/datastore/?image={self.name}", **form(params_part(), file))
        assert sent.status_code == 200, sent.text
        self.image = sent.json()["image"]
        params = params_part(result_extension=".nrrd", classes="all", profile="exact")
        answer = client.post(f"/infer/default?image={self.name}", **form(params))
        assert answer.status_code == 200, answer.text
        head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
        told, labels = message_from_bytes(head + answer.content).get_payload()
        self.numbers = json.loads(told.get_payload(decode=True))["label_names"]
        (folder / "result.nrrd").write_bytes(labels.get_payload(decode=True))
        image = read_image(folder / "result.nrrd")
        self.labels, self.affine = np.asarray(image.voxels).astype(np.uint8), image.affine

    @property
    def job(self):
        (job,) = self.client.service.jobs.of_upload(self.image)
        return job

    @property
    def results(self):
        return self.client.service.folder.results(self.job.id, self.job.attempts)

    def file(self, labels, affine=None):
        write_volume(self.folder / "label.nii.gz", Volume(labels, self.affine if affine is None else affine))
        return "label", "/tmp/tmpdef.nii.gz", (self.folder / "label.nii.gz").read_bytes()

    def submit(self, file, rows=None, query="", **params):
        rows = [{"name": name, "idx": idx} for name, idx in self.numbers.items()] if rows is None else rows
        params = params_part(label_info=rows, model="default", **params)
        return self.client.put(f"/datastore/label?image={self.name}{query}", **form(params, file))

    def changed(self, file, rows=None):
        answer = self.submit(file, rows)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["image"], answer.json()["job"]) == (self.image, self.job.id)
        return {row["structure"]: row["voxels_changed"] for row in answer.json()["corrections"]}
