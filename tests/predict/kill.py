"""A call that is killed while it writes the records of a batch: python -m tests.predict.kill
CHECKPOINT PICTURES OUT BATCHES.
"""

import os
import signal
import sys
from pathlib import Path

import ocrnet_mmdet.predict.run as run
from ocrnet_mmdet.predict import Predictor
from ocrnet_mmdet.predict.records import Records

OPTIONS = dict(score=0.0, top=5, batch=2)
FORMATS = ('coco', 'csv', 'labelme', 'yolo')


class KilledRecords(Records):
    left = 0

    def add(self, records: list) -> None:
        KilledRecords.left -= 1
        if KilledRecords.left < 0:
            super().add(records)
            os.truncate(self.path, self.path.stat().st_size - 40)
            os.kill(os.getpid(), signal.SIGKILL)
        super().add(records)


if __name__ == '__main__':
    checkpoint, pictures, out, batches = sys.argv[1:]
    KilledRecords.left = int(batches)
    run.Records = KilledRecords  # type: ignore[misc]
    run.predict(Predictor(checkpoint, **OPTIONS), [pictures], Path(out), FORMATS)
