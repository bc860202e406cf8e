"""The scores of a classification."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric


@METRICS.register_module()
class OCRNetAccuracy(BaseMetric):
    """``cls/accuracy`` in [0, 1] and ``cls/loss``, mean cross-entropy, of OCRNetClassifier."""

    default_prefix = 'cls'

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the logits and labels of a batch.

        Args:
            data_samples: ``dict(logits=(K,), label)`` for each picture.
        """
        for sample in data_samples:
            logits, label = sample['logits'], sample['label']
            self.results.append(
                (
                    float(F.cross_entropy(logits, logits.new_tensor(label).long())),
                    int(logits.argmax()) == label,
                )
            )

    def compute_metrics(self, results: list[tuple[float, bool]]) -> dict[str, float]:
        losses, right = zip(*results)
        return dict(accuracy=sum(right) / len(right), loss=sum(losses) / len(losses))
