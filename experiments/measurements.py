"""Studies whose runs are named one by one, as plain data."""

from dataclasses import dataclass

OCRNET = 'configs/benchmark/ocrnet_tiny.py'
OCRNET_PRETRAIN = 'configs/benchmark/ocrnet_tiny_pretrain.py'
# Of trainings on pictures that a rule has chosen.
FROM_IMAGENET = dict(config='configs/ocrnet_small_data.py', lr=1e-3, scored_on='held_out')


@dataclass(frozen=True)
class Measurement:
    """Runs: settings of :class:`.records.Run` each."""

    runs: tuple[dict, ...]


MEASUREMENTS = dict(
    # Objects that discovered regions hold.
    recall=Measurement(
        tuple(
            dict(
                kind='recall',
                data=data,
                options=dict(splits=['train', 'val'] if data == 'coco_mini' else ['train']),
            )
            for data in ('nuclei', 'bccd', 'robosoccer', 'aerial_cars', 'coco_mini')
        )
    ),
    # Objects that main_table's pretrained detectors find.
    proposal_recall=Measurement(
        tuple(
            dict(
                kind='recall',
                data=data,
                config=OCRNET,
                start=f'main_table/{data}_pretrained',
                options=dict(splits=['val'], size=size),
            )
            for data, size in dict(nuclei=256, robosoccer=149).items()
        )
    ),
    # A pretraining's step against the same detector's supervised one. The second is for a GPU.
    pretraining_cost=Measurement(
        (
            dict(
                kind='cost',
                data='nuclei',
                arm='tiny',
                config=OCRNET_PRETRAIN,
                batch=8,
                options=dict(size=128, repeats=3, amp=False),
            ),
        )
    ),
    pretraining_cost_gpu=Measurement(
        (
            dict(
                kind='cost',
                data='coco_mini',
                arm='r50',
                config='configs/ocrnet_pretrain.py',
                batch=16,
                options=dict(size=512, repeats=5, amp=True),
            ),
        )
    ),
    # A folder of very many pictures.
    listing=Measurement(
        (dict(kind='listing', options=dict(count=1_000_000, epochs=4, workers=2)),)
    ),
    # Ten more labels where the detector suggests them, against as many at random.
    suggest=Measurement(
        tuple(
            dict(
                kind='suggesting',
                data=data,
                arm=arm,
                steps=200,
                seed=seed,
                options=dict(pool=150, start=10, start_steps=150, more=10),
                **FROM_IMAGENET,
            )
            for seed in (0, 1, 2)
            for data in ('robosoccer', 'nuclei', 'bccd', 'aerial_cars')
            for arm in ('suggested', 'random')
        )
    ),
    # The first labels where tools/start.py --first wants them, against as many at random.
    first=Measurement(
        tuple(
            dict(
                kind='first',
                data=data,
                arm=arm,
                steps=400,
                seed=seed,
                size=size,
                options=dict(pool=0.6, count=count),
                **FROM_IMAGENET,
            )
            for data, count, size in (
                ('robosoccer', 10, 288),
                ('bccd', 10, 224),
                ('nuclei', 5, 544),
                ('aerial_cars', 10, 608),
            )
            for seed in (0, 1, 2)
            for arm in ('first', 'random')
        )
    ),
)
