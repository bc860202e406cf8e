"""The private names of other packages that this one uses: what a new version of theirs may take
away.

A test holds the list against the code, and ``tools/check_environment.py`` against what is
installed.
"""

from __future__ import annotations

import importlib
import inspect
import re

# Of a module's class, or of the module itself where nothing follows the colon.
PRIVATE = {
    'mmengine.config:Config': ('_get_base_files', '_get_cfg_path'),
    'mmengine.config:DictAction': ('_parse_int_float_bool', '_parse_iterable'),
    'mmengine.dataset:InfiniteSampler': ('_indices_of_rank',),
    'mmengine.dataset:BaseDataset': ('_metainfo', '_load_metainfo'),
    'mmengine.hooks:CheckpointHook': (
        '_save_best_checkpoint',
        '_save_checkpoint',
        '_save_checkpoint_with_step',
    ),
    'mmengine.model:ImgDataPreprocessor': ('_channel_conversion',),
    'mmengine.runner:Runner': ('_load_from', '_resume', '_test_loop', '_train_loop', '_val_loop'),
    'mmengine.runner:IterBasedTrainLoop': ('_decide_current_val_interval',),
    'mmengine.runner:CheckpointLoader': ('_get_checkpoint_loader',),
    'mmengine.runner.checkpoint:': ('_process_mmcls_checkpoint',),
    'mmengine.utils.dl_utils.parrots_wrapper:': ('_BatchNorm',),
    'mmdet.engine.hooks:DetVisualizationHook': ('_visualizer',),
    'mmdet.evaluation:CocoMetric': ('_coco_api',),
    'mmdet.models.roi_heads:StandardRoIHead': ('_bbox_forward', '_mask_forward'),
    'mmdet.models.roi_heads.bbox_heads:BBoxHead': ('_predict_by_feat_single',),
    'torch.nn:Module': ('_load_from_state_dict',),
}


def missing() -> list[str]:
    """Those of ``PRIVATE`` that the installed versions do not have,
    ``mmengine.runner:Runner._resume``.
    """
    return [
        f'{place}.{name}'
        for place, names in PRIVATE.items()
        for name in names
        if not _has(place, name)
    ]


def _has(place: str, name: str) -> bool:
    module, _, kind = place.partition(':')
    owner = importlib.import_module(module)
    owner = getattr(owner, kind) if kind else owner
    if hasattr(owner, name):
        return True
    return bool(kind) and any(
        re.search(rf'self\.{name}\b[^=\n]*=', inspect.getsource(base))
        for base in owner.__mro__[:-1]
    )
