"""three.js (MIT), as it comes with trimesh (MIT): nothing is fetched, and no copy of it is kept here.

trimesh ships a viewer page for notebooks that holds three.js, its loader for glTF and its trackball, followed by the
few lines of trimesh's own viewer. Ours takes their place.
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
        MissingDependencyError: trimesh is missing, or a version that holds no such library.
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
