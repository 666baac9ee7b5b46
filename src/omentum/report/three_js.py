"""three.js (MIT) as bundled with trimesh (MIT): nothing is downloaded and no copy is kept here.

trimesh ships a notebook viewer page that contains three.js, GLTFLoader and TrackballControls, followed by a few lines
of its own viewer. Our viewer replaces these lines.
"""

from __future__ import annotations

import io
import zipfile

from omentum.errors import MissingDependencyError

PAGE_ARCHIVE, PAGE = "templates/viewer.zip", "viewer.html.template"
BEGIN, OWN_VIEWER = "<script>", "var camera,controls,scene,renderer,tracklight;"
PARTS = ("THREE={}", "THREE.TrackballControls=", "THREE.GLTFLoader=")


def three_js() -> str:
    """The library as one script that defines THREE with GLTFLoader and TrackballControls.

    Raises:
        MissingDependencyError: trimesh is not installed, or its version does not contain the library.
    """
    try:
        from trimesh import resources

        archive = zipfile.ZipFile(io.BytesIO(resources.get_bytes(PAGE_ARCHIVE)))
        page = archive.read(PAGE).decode()
    except (ImportError, KeyError, OSError, zipfile.BadZipFile, ValueError) as fault:
        raise MissingDependencyError("the 3D view needs trimesh", remedy="pip install 'omentum[report]'") from fault
    script = page.partition(BEGIN)[2].partition(OWN_VIEWER)[0]
    if not all(part in script for part in PARTS) or "</script" in script:
        raise MissingDependencyError("this version of trimesh holds no three.js", remedy="pip install 'trimesh>=5.2'")
    return script
