"""mmdet's ``SSDHead``, mended: its prediction asks for a ``loss_cls`` that it never makes.

So in mmdet 3.2 to 3.5: github.com/open-mmlab/mmdetection/issues/11063.
"""

from mmdet.models.dense_heads import SSDHead

if not hasattr(SSDHead, 'loss_cls'):
    SSDHead.loss_cls = None  # only asked whether it counts classes in a way of its own
