"""A config's data sets and class counts are checked, and can be pointed at cleaned copies."""

import os

import pytest
from mmdet.registry import DATASETS

from ocrnet_mmdet.datasets.check_config import check_config, clean_config
from ocrnet_mmdet.errors import InputError

from .small_config import config, edit


def test_a_sound_config_passes(root):
    assert check_config(config(root)) == []


def test_the_id_0_is_refused_where_pycocotools_scores(root):
    for split in ('train', 'val'):
        edit(root / f'{split}.json', lambda data: data['annotations'][2].update(id=0))
    with pytest.raises(
        InputError, match='^val_dataloader: .*annotation 0 .*by which pycocotools cannot score'
    ):
        check_config(config(root))
    cfg = config(root)
    cfg.val_evaluator = cfg.test_evaluator = dict(type='VOCMetric')
    assert check_config(cfg) == []
    cfg = config(root)
    clean_config(cfg, str(root / 'work'))
    assert check_config(cfg) == []


def test_class_counts_of_rpn_and_backbone_do_not_matter(root):
    assert check_config(config(root, backbone=dict(num_classes=1000))) == []


def test_a_wrong_class_count_names_the_options_that_mend_it(root):
    cfg = config(root, num_classes=80)
    with pytest.raises(InputError) as caught:
        check_config(cfg)
    message = str(caught.value)
    assert 'model.roi_head.bbox_head.num_classes is 80, but train_dataloader has 3' in message
    options = dict(part.split('=') for part in message.split('--cfg-options ')[1].split())
    cfg.merge_from_dict({key: int(value) for key, value in options.items()})
    assert check_config(cfg) == []


def test_every_stage_of_a_cascade_and_dense_heads_are_counted(root):
    cfg = config(root, bbox_head=dict(num_classes=4))
    cfg.model.roi_head.bbox_head = [dict(num_classes=3), dict(num_classes=80)]
    with pytest.raises(InputError, match='bbox_head is|bbox_head.num_classes is 4') as caught:
        check_config(cfg)
    assert 'model.roi_head.bbox_head.1.num_classes=3' in str(caught.value)
    assert 'model.bbox_head.num_classes=3' in str(caught.value)
    assert 'bbox_head.0' not in str(caught.value)


def test_without_metainfo_the_80_classes_of_coco_are_expected(root):
    cfg = config(root)
    del cfg.train_dataloader.dataset['metainfo']
    cfg.model.roi_head = dict()
    with pytest.raises(InputError, match="no class 'person'.* 80 in all.*metainfo"):
        check_config(cfg)


@pytest.mark.parametrize(
    'wrap',
    [
        lambda d: dict(type='RepeatDataset', times=2, dataset=d),
        lambda d: dict(type='ConcatDataset', datasets=[d, d]),
        lambda d: dict(
            type='MultiImageMixDataset',
            pipeline=[],
            dataset=dict(type='ClassBalancedDataset', oversample_thr=0.1, dataset=d),
        ),
    ],
)
def test_wrapped_data_sets_are_checked_and_cleaned(root, tmp_path, wrap):
    cfg = config(root)
    cfg.train_dataloader.dataset = wrap(cfg.train_dataloader.dataset)
    os.remove(root / 'images/b.png')
    with pytest.raises(InputError, match='train_dataloader: .*b.png is not in'):
        check_config(cfg)
    assert len(clean_config(cfg, str(tmp_path / 'work'))) == 1
    assert check_config(cfg) == []


def test_val_and_test_are_checked_and_named(root):
    edit(root / 'val.json', lambda data: data['annotations'][0].update(bbox=[0, 0, 0, 0]))
    with pytest.raises(InputError, match='^val_dataloader: .*of no area'):
        check_config(config(root))
    cfg = config(root)
    cfg.val_dataloader = None
    with pytest.raises(InputError, match='^test_dataloader: '):
        check_config(cfg)


def test_masks_are_asked_for_where_the_pipeline_loads_them(root):
    edit(root / 'train.json', lambda data: data['annotations'][0].pop('segmentation'))
    cfg = config(root)
    assert check_config(cfg) == []
    cfg.train_dataloader.dataset.pipeline = [dict(type='LoadAnnotations', with_mask=True)]
    with pytest.raises(InputError, match='no segmentation'):
        check_config(cfg)


def test_polygons_are_needed_for_training_alone(root):
    for split in ('train', 'val'):
        edit(
            root / f'{split}.json',
            lambda data: data['annotations'][0].update(
                segmentation=dict(size=[30, 40], counts=[63, *[8, 22] * 9, 8, 859])
            ),
        )
    cfg = config(root)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.pipeline = [dict(type='LoadAnnotations', with_mask=True, poly2mask=False)]
    with pytest.raises(
        InputError,
        match='^train_dataloader: .*run-length mask.*: set poly2mask=True in LoadAnnotations',
    ):
        check_config(cfg)
    cfg.train_dataloader.dataset.pipeline[0].poly2mask = True
    assert check_config(cfg) == []


def test_a_set_that_is_only_formatted_needs_no_labels(root):
    edit(root / 'val.json', lambda data: data.update(annotations=[]))
    cfg = config(root)
    cfg.val_dataloader = cfg.val_evaluator = None
    with pytest.raises(InputError, match='none of its 2 images'):
        check_config(cfg)
    cfg.test_evaluator[0].format_only = True
    assert check_config(cfg) == []


def test_data_sets_that_read_other_files_are_left_alone(root):
    cfg = config(root)
    cfg.train_dataloader.dataset = dict(type='VOCDataset', data_root='nowhere/', ann_file='a.txt')
    assert check_config(cfg) == []
    cfg.val_dataloader.dataset.data_root = 's3://bucket/'
    cfg.test_dataloader.dataset.data_root = 's3://bucket/'
    assert check_config(cfg) == []


def test_clean_config_leads_to_the_cleaned_files(root, tmp_path):
    (root / 'images/c.png').write_bytes(b'nothing')
    cfg = config(root)
    before = (root / 'val.json').read_text()
    report = clean_config(cfg, str(tmp_path / 'work'))
    assert len(report) == 1 and 'val.json: 1 images left out' in report[0] and 'c.png' in report[0]
    files = {
        cfg.val_dataloader.dataset.ann_file,
        cfg.test_dataloader.dataset.ann_file,
        cfg.val_evaluator.ann_file,
        cfg.test_evaluator[0].ann_file,
    }
    assert len(files) == 1 and cfg.train_dataloader.dataset.ann_file not in files
    assert len(os.listdir(tmp_path / 'work')) == 2
    assert (root / 'val.json').read_text() == before
    dataset = DATASETS.build(dict(cfg.val_dataloader.dataset, test_mode=True))
    assert [os.path.basename(d['img_path']) for d in dataset.load_data_list()] == ['d.png']


def test_pictures_of_both_sets_are_counted(root):
    edit(root / 'val.json', lambda data: data['images'][0].update(file_name='b.png'))
    (note,) = check_config(config(root))
    assert note.startswith(
        'val_dataloader: 1 of its 2 pictures are in train_dataloader too, the first '
    )


def test_masks_are_asked_for_where_they_are_scored(root):
    edit(
        root / 'val.json',
        lambda data: data['annotations'][0].update(segmentation=dict(size=[3, 4], counts='zz')),
    )
    cfg = config(root)
    assert check_config(cfg) == []
    cfg.test_evaluator[0].metric = ['bbox', 'segm']
    with pytest.raises(InputError, match='^test_dataloader: .*run lengths'):
        check_config(cfg)
    cfg = config(root)
    cfg.test_evaluator[0].metric = ['bbox', 'segm']
    clean_config(cfg, cfg.work_dir)
    assert check_config(cfg) == []


def test_objects_that_are_not_learnt_or_scored_are_counted(root):
    for split in ('train', 'val'):
        edit(
            root / f'{split}.json',
            lambda data: (
                data['annotations'][0].update(iscrowd=1),
                data['annotations'][1].update(ignore=1),
            ),
        )
    trained, scored = check_config(config(root))
    assert (
        trained.startswith('train_dataloader: ')
        and '2 of 3 objects are not trained on: 1 crowds' in trained
    )
    assert (
        scored.startswith('val_dataloader: ')
        and '1 of 3 objects do not count in the score: 1 crowds' in scored
    )


def test_more_objects_than_the_detector_returns_are_said(root):
    cfg = config(root, test_cfg=dict(rcnn=dict(max_per_img=1)))
    notes = check_config(cfg)
    assert ['1 pictures have more objects, up to 2, than the 1' in note for note in notes] == [
        True,
        True,
    ]
    cfg = config(root, test_cfg=dict(rcnn=dict(max_per_img=200)))
    (note,) = check_config(cfg)
    assert 'mAP counts up to 200' in note and cfg.val_evaluator.type == 'OCRNetCocoMetric'


def test_objects_that_scale_and_crop_do_not_fit_are_said(root):
    cfg = config(root)
    cfg.train_dataloader.dataset.pipeline = [dict(type='Resize', scale=(12, 12), keep_ratio=True)]
    (note,) = check_config(cfg)
    assert '100% are under 4 px' in note and note.endswith('resize to about 128 px')
