import json

from experiments.data_sets import DATA_SETS, OBJECTS, link_objects


def test_objects_are_coco_minis_boxes_with_one_class(tmp_path):
    given = tmp_path / 'data/coco_mini'
    train, val, *folders = DATA_SETS[OBJECTS].layout
    for folder in folders:
        (given / folder).mkdir(parents=True)
        (given / folder / 'a.jpg').write_text(folder)
    (given / train).parent.mkdir()
    boxes = [dict(id=i, image_id=1, category_id=i, bbox=[i, i, 5, 5]) for i in (3, 90)]
    for path in (train, val):
        (given / path).write_text(
            json.dumps(
                dict(
                    images=[dict(id=1, file_name='a.jpg')],
                    annotations=boxes,
                    categories=[dict(id=3), dict(id=90)],
                )
            )
        )
    for _ in range(2):  # again into the same folder
        made = tmp_path / 'out' / OBJECTS
        assert link_objects(tmp_path / 'data', tmp_path / 'out') == made.parent
        for path in (train, val):
            data = json.loads((made / path).read_text())
            assert [c['name'] for c in data['categories']] == list(DATA_SETS[OBJECTS].classes)
            made_boxes = data['annotations']
            assert [
                dict(a, category_id=b['category_id']) for a, b in zip(made_boxes, boxes)
            ] == boxes
            assert {a['category_id'] for a in made_boxes} == {data['categories'][0]['id']}
        assert [(made / folder / 'a.jpg').read_text() for folder in folders] == folders
