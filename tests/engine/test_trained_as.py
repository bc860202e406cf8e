"""A checkpoint is compared with what it says of its training, whatever it is loaded for."""

import logging
import re
from argparse import Namespace
from uuid import uuid4

import pytest
import torch
from mmdet.apis import DetInferencer, init_detector

from demo.data_set import make_demo_set
from ocrnet_mmdet.cli import run_test
from ocrnet_mmdet.engine.trained_as import check_classes, classes_of
from ocrnet_mmdet.errors import InputError

from ..trainings import SHAPES, make_config, runner_of, scorer_of

SWAPPED = (*SHAPES[1::-1], *SHAPES[2:])  # ring, star, ...
FEWER = SHAPES[:4]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'demo'
    make_demo_set(str(out), train=2, val=1, unlabelled=0, size=64)
    return out


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
    """The checkpoint of a training, and what it was trained on."""
    work_dir = tmp_path_factory.mktemp('trained')
    runner_of(make_config(data, work_dir)).train()
    return work_dir / 'iter_2.pth'


@pytest.fixture
def changed(trained, tmp_path):
    """A copy of the checkpoint after a change."""

    def change(edit) -> str:
        content = torch.load(trained, weights_only=True)
        edit(content)
        torch.save(content, tmp_path / 'changed.pth')
        return str(tmp_path / 'changed.pth')

    return change


def without(*parts: str):
    def edit(content: dict) -> None:
        for key in [key for key in content['state_dict'] if key.startswith(parts)]:
            del content['state_dict'][key]

    return edit


def load(runner) -> str:
    """Load as ``train()`` and ``test()`` do; what was logged meanwhile."""
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    runner.logger.addHandler(handler)
    if runner._train_loop:
        runner._train_loop = runner.build_train_loop(runner._train_loop)
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    else:
        runner._test_loop = runner.build_test_loop(runner._test_loop)
    runner.load_or_resume()
    return '\n'.join(records)


def test_what_was_trained_is_scored_and_resumed(data, trained, tmp_path):
    scorer = scorer_of(make_config(data, tmp_path), trained)
    assert 'do not match exactly' not in load(scorer)
    expected = torch.load(trained, weights_only=True)['state_dict']
    assert all(value.equal(expected[key]) for key, value in scorer.model.state_dict().items())
    assert 'resumed epoch: 0, iter: 2' in load(
        runner_of(make_config(data, tmp_path), load_from=str(trained), resume=True)
    )


@pytest.mark.parametrize(
    'classes, words',
    [
        (
            SWAPPED,
            r'iter_2.pth was trained on the classes in the order \(star, ring, .*'
            r'the config has \(ring, star, .*'
            r"classes = \('star', 'ring', 'cross', 'leaf', 'crescent'\) in the config$",
        ),
        (
            FEWER,
            r'iter_2.pth was trained on other classes: \(star, ring, cross, leaf, crescent\), '
            r'the config has \(star',
        ),
    ],
)
def test_other_classes_are_neither_scored_nor_resumed(data, trained, tmp_path, classes, words):
    with pytest.raises(InputError, match=words):
        load(scorer_of(make_config(data, tmp_path, classes=classes), trained))
    with pytest.raises(InputError, match=words):
        load(
            runner_of(
                make_config(data, tmp_path, classes=classes), load_from=str(trained), resume=True
            )
        )


def test_a_training_from_other_classes_says_what_begins_anew(data, trained, tmp_path):
    said = load(runner_of(make_config(data, tmp_path, classes=FEWER), load_from=str(trained)))
    assert re.search(
        r'begins anew: roi_head.bbox_head.fc_cls.weight, roi_head.bbox_head.fc_cls.bias\n', said
    )
    assert re.search(
        r'other classes: \(star, .*\), the config has \(star, ring, cross, leaf\): the classifier '
        r'begins',
        said,
    )
    assert 'do not match exactly' not in said
    said = load(runner_of(make_config(data, tmp_path, classes=SWAPPED), load_from=str(trained)))
    assert re.search(
        r'the config has \(ring, .*: each class begins with the weights of the one at its place',
        said,
    )


@pytest.mark.parametrize('parts', [('roi_head.bbox_head.fc_cls',), ('rpn_head.',)])
def test_a_file_that_leaves_a_tensor_random_is_not_scored(data, changed, tmp_path, parts):
    file = changed(without(*parts))
    with pytest.raises(
        InputError,
        match=f'changed.pth.* fits? .*{parts[0][:8]}|changed.pth does not fill {parts[0]}',
    ):
        load(scorer_of(make_config(data, tmp_path), file))


def test_a_resumed_run_holds_neither_less_nor_more(data, trained, changed, tmp_path):
    file = changed(without('roi_head.aggregator.layers.0'))
    with pytest.raises(
        InputError, match='changed.pth does not fill roi_head.aggregator.* and .* other tensors'
    ):
        load(runner_of(make_config(data, tmp_path), load_from=file, resume=True))
    with pytest.raises(InputError, match=r'iter_2.pth holds roi_head.mask_head.*beyond this model'):
        load(
            runner_of(
                make_config(data, tmp_path, with_mask=False), load_from=str(trained), resume=True
            )
        )
    load(scorer_of(make_config(data, tmp_path, with_mask=False), trained))


def test_another_size_is_scored_only_where_it_is_meant(data, trained, tmp_path):
    cfg = make_config(data, tmp_path, image_scale=96)
    with pytest.raises(
        InputError,
        match='pictures of up to 160 x 160 px, here they are resized to 96 x 96: .*--other-size',
    ):
        load(scorer_of(cfg.copy(), trained))
    next(
        hook for hook in cfg.custom_hooks if hook.type == 'OCRNetCheckpointCheckHook'
    ).other_size = True
    assert 'resized to 96 x 96, as --other-size says' in load(scorer_of(cfg, trained))


@pytest.mark.parametrize('tta', [False, True])
def test_another_size_may_be_meant(data, trained, tmp_path, tta):
    cfg = make_config(data, tmp_path, image_scale=96)
    cfg.dump(str(tmp_path / 'config.py'))
    args = Namespace(
        config=str(tmp_path / 'config.py'),
        checkpoint=str(trained),
        work_dir=f'{tmp_path}/scored',
        out=None,
        show=False,
        show_dir=None,
        tta=tta,
        skip_bad_images=False,
        launcher='none',
        local_rank=0,
        other_size=False,
        cfg_options={},
    )
    with pytest.raises(InputError, match='up to 160 x 160 px, here they are resized to 96 x 96'):
        run_test(args)
    args.other_size, args.cfg_options = True, dict(experiment_name=uuid4().hex)
    run_test(args)
    args.cfg_options = {'experiment_name': uuid4().hex, 'model.test_cfg.rcnn.nms.type': 'no_nms'}
    with pytest.raises(
        InputError, match='option model.test_cfg.rcnn.nms.type=no_nms: .*start_error.txt'
    ):
        run_test(args)


def test_other_means_of_the_colours_are_refused(data, trained, tmp_path):
    cfg = make_config(data, tmp_path)
    cfg.model.data_preprocessor.mean = [127.0, 127.0, 127.0]
    with pytest.raises(
        InputError, match=r'mean=\[123.675, 116.28, 103.53\].*the config has \[127.0'
    ):
        load(scorer_of(cfg, trained))


@pytest.mark.parametrize(
    'meta',
    [
        {},
        dict(cfg='model = 5'),
        dict(cfg='test_dataloader = "abc"'),
        dict(cfg='model = dict(data_preprocessor=dict(mean=["a"]))'),
    ],
)
def test_a_file_without_meta_is_taken_at_its_tensors(data, changed, tmp_path, meta):
    assert load(
        scorer_of(
            make_config(data, tmp_path, classes=SWAPPED, image_scale=96),
            changed(lambda content: content.update(meta=meta)),
        )
    )


def test_inference_with_a_model_that_is_not_filled_is_refused(data, trained, changed, tmp_path):
    picture = str(next((data / 'val').iterdir()))
    assert DetInferencer(None, str(trained), device='cpu', show_progress=False)(picture)[
        'predictions'
    ]
    cfg = make_config(data, tmp_path, classes=FEWER)
    cfg.dump(str(tmp_path / 'config.py'))
    for model in (
        DetInferencer(str(tmp_path / 'config.py'), str(trained), device='cpu', show_progress=False),
        DetInferencer(
            None, changed(without('roi_head.bbox_head.fc_cls')), device='cpu', show_progress=False
        ),
    ):
        with pytest.raises(InputError, match='do not fill roi_head.bbox_head.fc_cls.weight'):
            model(picture)
    model = init_detector(cfg, str(trained), device='cpu')
    with pytest.raises(InputError, match='do not fill roi_head.bbox_head.fc_cls.weight'):
        model(None, mode='predict')


def test_the_model_watches_weights_of_unknown_use(data, changed, tmp_path):
    runner = scorer_of(make_config(data, tmp_path), 'none')
    runner.load_checkpoint(changed(without('roi_head.bbox_head.fc_cls')))
    with pytest.raises(InputError, match='do not fill roi_head.bbox_head.fc_cls.weight'):
        runner.test()


def test_long_lists_of_classes_are_shown_where_they_differ():
    many = tuple(f'class {i}' for i in range(80))
    for now, words in (
        (
            many[:40] + many[41:39:-1] + many[42:],
            r'80 have \(class 40\) at place 41, .*\(class 41\)',
        ),
        (many[:79], r'80 have \(class 79\) at place 80, the 79 of the config \(\)'),
    ):
        with pytest.raises(InputError, match=words) as caught:
            check_classes('a.pth', many, now)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    'meta, classes',
    [
        (dict(dataset_meta=dict(classes=('a', 'b'))), ('a', 'b')),
        (dict(CLASSES=['a', 'b']), ('a', 'b')),
        (dict(dataset_meta=dict(CLASSES='a')), ('a',)),
        ({}, None),
        (dict(dataset_meta=None), None),
        (dict(dataset_meta=dict(classes=3)), None),
    ],
)
def test_class_names_are_found_as_any_version_wrote_them(meta, classes):
    assert classes_of(meta) == classes


def test_a_name_with_line_breaks_stays_one_line():
    with pytest.raises(InputError) as caught:
        check_classes('a.pth', ('a\nerror: \x1b[1m', 'b'), ('a', 'b'))
    assert '\n' not in str(caught.value) and '\x1b' not in str(caught.value)
