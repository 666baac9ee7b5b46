"""`omentum` in a process of its own, with weights that need no training: segment_slowly.py WHERE ARGUMENTS...

It stops for long WHERE it is told to: "computing" or "writing" the case "slow"; never at "-".
"""

import signal
import sys
import time
from pathlib import Path

from case_files import SPEC
from threshold_model import ThresholdModel

from omentum.pipeline import segmenter
from omentum.pipeline.case_folder import CaseFolder

STOP_S = 120
# As from a terminal, also where whoever runs the tests ignores it, as shells do for what they run in the background
signal.signal(signal.SIGINT, signal.default_int_handler)


class SlowModel(ThresholdModel):
    def forward(self, *arguments):
        Path("computing").touch()
        time.sleep(STOP_S)
        return super().forward(*arguments)


def main(where: str, *arguments: str) -> int:
    segmenter.load_model = lambda *_: (SlowModel if where == "computing" else ThresholdModel)(SPEC)
    fill = CaseFolder._fill

    def slowly(self, folder, *rest):
        hidden = fill(self, folder, *rest)
        if self._case.case_name == "slow":
            time.sleep(STOP_S)
        return hidden

    if where == "writing":
        CaseFolder._fill = slowly
    from omentum import cli

    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
