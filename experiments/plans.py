"""What is run: each study as plain data. studies.py makes runs of it."""

from dataclasses import dataclass, field

from ocrnet_mmdet.pretraining.term_weights import TERMS

from .measurements import MEASUREMENTS, OCRNET, OCRNET_PRETRAIN, Measurement

STOCK = 'configs/benchmark/stock_tiny.py'
STOCK_PRETRAIN = 'configs/benchmark/stock_tiny_pretrain.py'
OBJECTS = 'coco_mini_objects'  # see data_sets.py
RATES = (5e-4, 1e-3, 2e-3, 4e-3)
PRETRAINING_RATE = 2e-3


@dataclass(frozen=True)
class Pretraining:
    """Of an arm; on all training pictures of each data set.

    Args:
        data: Another data set's pictures than those that are fine-tuned on.
        control, folders: See :class:`.records.Run`.
    """

    steps: int
    options: dict | None = None
    config: str = OCRNET_PRETRAIN
    data: str = ''
    control: str = ''
    folders: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Arm:
    """What is compared.

    Args:
        config: Of its training.
        pretraining: None starts from random weights, but for ``weights_of``.
        weights_of: An arm of the study whose pretraining it shares.
        rate: Its learning rate, or ``STUDY/ARM`` whose tuned one it has; by default its own.
        options: Config options of its training.
    """

    config: str = OCRNET
    pretraining: Pretraining | None = None
    weights_of: str = ''
    rate: str | float = ''
    options: dict | None = None


@dataclass(frozen=True)
class Study:
    """Arms that are trained with labels, on the same pictures and seeds.

    Args:
        sets: Data set to percents of the labels; None takes the data set's own JSON.
        steps: Lengths of the training, of all sets or by set; with ``as_long_as`` none.
        seeds: Of the labelled part and the training.
        tuned: Steps of the runs that choose each arm's rate from RATES, of all sets or by set.
        tuned_on: Percent of the training pictures that are not held out.
        rate: Of all arms, where none is tuned.
        as_long_as: A study whose pretrained arm's time the trainings are given.
    """

    sets: dict[str, tuple[int | None, ...]]
    arms: dict[str, Arm]
    steps: tuple[int, ...] | dict[str, tuple[int, ...]] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    scored_on: str = 'val'
    sizes: dict[str, int] = field(default_factory=dict)
    augment: bool | None = None
    tuned: int | dict[str, int] | None = None
    tuned_on: int = 100
    rate: float | None = None
    as_long_as: str = ''


@dataclass(frozen=True)
class Scoring:
    """A study's trained nets, scored again under options, by name."""

    study: str
    arm: str
    seed: int
    options: dict[str, dict]


def terms(**weights: float) -> dict:
    """Options that leave the named loss terms on."""
    return {'model.weights': dict.fromkeys(TERMS, 0.0) | weights}


VECTORS = dict(vectors=0.1, variance=0.05, covariance=0.002)
STRONG_VECTORS = {term: 10 * weight for term, weight in VECTORS.items()}
REGIONS = terms(regions=1.0)
PSEUDO_LABELS = terms(regions=1.0, boxes=1.0, masks=1.0)
ALL_TERMS = terms(regions=1.0, boxes=1.0, masks=1.0, **VECTORS)
# Fewer regions for boxes and masks than the default, for time.
NATURAL_OPTIONS = terms(regions=1.0, boxes=0.1, masks=0.1) | {
    'model.regions_per_view': 4,
    'train_dataloader.dataset.pipeline.2.segments': 1,
}
TUNED = 'main_table/pretrained'


def ablated(options: dict | None, control: str = '') -> Arm:
    """An arm with a short pretraining."""
    return Arm(pretraining=Pretraining(500, options, control=control), rate=TUNED)


STUDIES: dict[str, Study | Scoring | Measurement] = dict(
    # OCRNet and stock Mask/Faster R-CNN with the same encoder, full labels.
    against_stock=Study(
        sets=dict.fromkeys(('nuclei', 'bccd', 'robosoccer', 'aerial_cars'), (None,)),
        arms=dict(ocrnet=Arm(OCRNET), stock=Arm(STOCK)),
        steps=dict(nuclei=(300,), bccd=(300,), robosoccer=(300,), aerial_cars=(900,)),
        sizes=dict(nuclei=256),
        tuned=dict(nuclei=200, bccd=200, robosoccer=200, aerial_cars=600),
    ),
    # AP by the number of candidates.
    candidates=Scoring(
        'against_stock',
        'ocrnet',
        seed=0,
        options={
            str(count): {'model.test_cfg.rpn.max_per_img': count} for count in (100, 300, 1000)
        },
    ),
    # Tokens of a region: S x S as before 2 x 2 became the default, on held-out training pictures.
    tokens=Study(
        sets=dict(nuclei=(10,), robosoccer=(10,)),
        arms={
            f'side{side}': Arm(options={'model.roi_head.aggregator.token_size': side})
            for side in (7, 3, 2)
        },
        steps=(300,),
        scored_on='held_out',
        rate=2e-3,
    ),
    # 16 pictures, trained and scored on the same ones, without augmentation.
    overfit=Study(
        sets=dict(nuclei=(None,), coco_mini=(None,)),
        arms=dict(
            ocrnet=Arm(
                OCRNET,
                options={'train_dataloader.batch_size': 2, 'model.train_cfg.rcnn.sampler.num': 128},
            )
        ),
        steps=(1500,),
        seeds=(0,),
        scored_on='trained',
        augment=False,
        rate=1e-3,
        sizes=dict(nuclei=256, coco_mini=384),
    ),
    # Few labels with and without the stage.
    main_table=Study(
        sets=dict(
            nuclei=(5, 10, 25, 100), robosoccer=(5, 10, 25, 100), bccd=(10,), aerial_cars=(10,)
        ),
        arms=dict(random=Arm(), pretrained=Arm(pretraining=Pretraining(1500))),
        steps=(300, 1000),
        tuned=300,
        tuned_on=10,
    ),
    # README's picture: one pair of main_table with its rates, after a third of its pretraining. Its
    # seed is that whose difference in main_table is nearest the mean.
    front_picture=Study(
        sets=dict(nuclei=(5,)),
        arms=dict(random=Arm(rate=2e-3), pretrained=Arm(pretraining=Pretraining(500), rate=1e-3)),
        steps=(300,),
        seeds=(3,),
    ),
    # EfficientNet-Lite0 from ImageNet weights, which is what tools/start.py writes.
    imagenet=Study(
        sets=dict(nuclei=(5,), robosoccer=(5, 10)),
        arms=dict(imagenet=Arm('configs/ocrnet_small_data.py')),
        steps=(300,),
        tuned=300,
        tuned_on=10,
    ),
    # The random start, given the pretraining's time as further steps.
    equal_time=Study(
        sets=dict(nuclei=(5, 10), robosoccer=(5, 10), bccd=(10,), aerial_cars=(10,)),
        arms=dict(random=Arm(rate='main_table/random')),
        as_long_as='main_table',
    ),
    # What carries the gain.
    ablation=Study(
        sets=dict(nuclei=(10,), robosoccer=(10,)),
        arms=dict(
            none=Arm(rate='main_table/random'),
            vectors=ablated(terms(**VECTORS)),
            regions=ablated(REGIONS),
            regions_boxes=ablated(terms(regions=1.0, boxes=1.0)),
            regions_boxes_masks=ablated(PSEUDO_LABELS),
            all_learned_sigma=ablated(ALL_TERMS),
            all_fixed_sigma=ablated(ALL_TERMS | {'model.region_loss.form': 'mse'}),
            own_regions=ablated(PSEUDO_LABELS | {'default_hooks.schedule.own_from': 0.5}),
            frozen_encoder=ablated(PSEUDO_LABELS | {'model.frozen_parts': ['backbone']}),
            scope_aggregator=Arm(
                weights_of='regions_boxes_masks', rate=TUNED, options={'model.scope': 'aggregator'}
            ),
            random_boxes=ablated(PSEUDO_LABELS, 'random'),
            shuffled=ablated(PSEUDO_LABELS, 'shuffled'),
        ),
        steps=(300,),
    ),
    # Weights of the boxes' and masks' terms beside the regions', on held-out training pictures.
    term_weights=Study(
        sets=dict(nuclei=(10,), robosoccer=(10,), bccd=(10,)),
        arms=dict(regions=ablated(REGIONS))
        | {
            f'weight{weight:g}': ablated(terms(regions=1.0, boxes=weight, masks=weight))
            for weight in (0.1, 0.3, 1.0)
        },
        steps=(300,),
        seeds=(99, 100),
        scored_on='held_out',
    ),
    # The same terms with weight 1, for main_table's length, against its pretrained arm.
    weight_one=Study(
        sets=dict(nuclei=(5,), robosoccer=(5,), bccd=(10,)),
        arms=dict(weight1=Arm(pretraining=Pretraining(1500, PSEUDO_LABELS), rate=TUNED)),
        steps=(300, 1000),
    ),
    # The vectors' terms beside the others, in two strengths, against main_table's pretrained arm.
    vector_terms=Study(
        sets=dict(bccd=(10,)),
        arms=dict(
            all=Arm(pretraining=Pretraining(1500, ALL_TERMS), rate=TUNED),
            strong=Arm(
                pretraining=Pretraining(
                    1500, terms(regions=1.0, boxes=1.0, masks=1.0, **STRONG_VECTORS)
                ),
                rate=TUNED,
            ),
        ),
        steps=(300, 1000),
    ),
    # Stock Mask and Faster R-CNN with and without the stage.
    any_detector=Study(
        sets=dict(nuclei=(10,), robosoccer=(10,)),
        arms=dict(
            pretrained=Arm(
                STOCK, Pretraining(500, PSEUDO_LABELS, STOCK_PRETRAIN), rate='against_stock/stock'
            ),
            random=Arm(STOCK, rate='against_stock/stock'),
        ),
        steps=(300,),
    ),
    # Pretrained on natural pictures, fine-tuned at the size at which objects are as large as there.
    natural=Study(
        sets={OBJECTS: (100,)},
        arms=dict(
            random=Arm(),
            pretrained=Arm(
                pretraining=Pretraining(
                    1500, NATURAL_OPTIONS, data='coco_mini', folders=('unlabelled_natural',)
                )
            ),
        ),
        steps=(1000,),
        sizes={OBJECTS: 160},
        tuned=300,
    ),
    **MEASUREMENTS,
)
