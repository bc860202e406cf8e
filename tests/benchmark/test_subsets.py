import pytest

from ocrnet_mmdet.benchmark.subsets import small_pictures, split_images

DATA = dict(images=[dict(id=i, width=10 * i, height=50) for i in range(20)],
            annotations=[dict(id=i, image_id=i % 20) for i in range(60)], categories=[])


def ids(part: dict) -> set[int]:
    return {image['id'] for image in part['images']}


@pytest.mark.parametrize('seed', [0, 1])
def test_a_split_is_reproducible_disjoint_and_whole(seed):
    held, rest = split_images(DATA, 5, seed)
    assert split_images(DATA, 5, seed) == (held, rest)
    assert len(ids(held)) == 5 and ids(held) | ids(rest) == set(range(20))
    assert not ids(held) & ids(rest)
    for part in (held, rest):
        assert {a['image_id'] for a in part['annotations']} == ids(part)
    assert split_images(DATA, 5, seed + 1)[0] != held


def test_small_pictures_have_the_size_and_the_number_of_objects():
    data = dict(DATA, annotations=[a for a in DATA['annotations'] if a['image_id'] != 3]
                + [dict(id=99, image_id=4)])
    assert ids(small_pictures(data, longest_side=70, objects=3)) == {0, 1, 2, 5, 6, 7}
