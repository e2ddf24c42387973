"""The wheel's bill of materials: what it was tested with, as CycloneDX in `.dist-info/sboms` (PEP 770).

Made from the lock when the wheel is built, so that the two cannot differ, and the same bytes each time.
"""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_LOCK = "requirements/server.txt"
_PINNED = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)(?: *; *([^\\\n]+?))? *\\?$", re.MULTILINE)


class BillOfMaterials(BuildHookInterface):  # type: ignore[type-arg]
    """Adds `wablock.cdx.json` to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":  # an editable install makes no wheel
            return
        self._folder = TemporaryDirectory()
        file = Path(self._folder.name) / "wablock.cdx.json"
        lock = Path(self.root, _LOCK).read_text()
        bill = bill_of_materials(self.metadata.name, self.metadata.version, lock)
        file.write_text(json.dumps(bill, indent=1) + "\n")
        build_data["sbom_files"].append(str(file))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        if version == "standard":
            self._folder.cleanup()


def bill_of_materials(name: str, version: str, lock: str) -> dict[str, Any]:
    """CycloneDX 1.6: the package, and every pinned package of the extra `server`, of which the others have fewer."""
    components = [_component(*pinned) for pinned in _PINNED.findall(lock)]
    wablock = {**_component(name, version), "licenses": [{"license": {"id": "Apache-2.0"}}]}
    text = json.dumps([wablock, components])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, text)}",
        "version": 1,
        "metadata": {
            "component": {**wablock, "type": "application"},
            "lifecycles": [{"phase": "build"}],
            "properties": [{"name": "wablock:source", "value": _LOCK}],
        },
        "components": components,
        # Which package needs which stands in their own metadata; the lock has no edges.
        "dependencies": [{"ref": wablock["bom-ref"], "dependsOn": [it["bom-ref"] for it in components]}],
        "compositions": [{"aggregate": "incomplete", "dependencies": [wablock["bom-ref"]]}],
    }


def _component(name: str, version: str, marker: str = "") -> dict[str, Any]:
    url = f"pkg:pypi/{name}@{version}"
    component = {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}
    # With a marker it is installed on some machines only, and no part of the others.
    return component | ({"properties": [{"name": "python:marker", "value": marker}]} if marker else {})
