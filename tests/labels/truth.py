"""A data set as COCO has it, and writers of other formats that share nothing with the readers."""

import base64
import io
import json
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 96, 64
CLASSES = ('cell', 'big cell')


def make_truth(folder, seed=0, count=4):
    """Pictures of noise in ``folder``, and objects: box in whole pixels, polygon, mask.

    Every object has a rectangle of a grid to itself, so that masks do not overlap.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)).save(
            folder / f'p{i}.png'
        )
        truth[f'p{i}.png'] = [
            one_object(rng, left, top)
            for left in (0, 32, 64)
            for top in (0, 32)
            if rng.random() < 0.7
        ] or [one_object(rng, 0, 0)]
    return truth


def one_object(rng, left, top):
    x, y = left + int(rng.integers(1, 8)), top + int(rng.integers(1, 8))
    w, h = (int(v) for v in rng.integers(10, 22, 2))
    # an octagon that touches all four sides of the box
    a, b = w // 3, h // 3
    points = [
        (x + a, y), (x + w - a, y), (x + w, y + b), (x + w, y + h - b),
        (x + w - a, y + h), (x + a, y + h), (x, y + h - b), (x, y + b),
    ]  # fmt: skip
    return dict(label=CLASSES[int(rng.integers(2))], box=(x, y, w, h), points=points)


def mask_of(points, height=HEIGHT, width=WIDTH):
    """(H, W) bool: pixels whose middle lies in a convex polygon, by the signs of its edges."""
    points = np.asarray(points, float)
    ys, xs = np.mgrid[:height, :width] + 0.5
    signs = [
        (bx - ax) * (ys - ay) - (by - ay) * (xs - ax)
        for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, 0))
    ]
    return np.all(np.array(signs) >= 0, 0)


def coco(truth, outlines=True):
    images = [
        dict(id=i, file_name=name, width=WIDTH, height=HEIGHT) for i, name in enumerate(truth, 1)
    ]
    annotations = []
    for i, objects in enumerate(truth.values(), 1):
        for o in objects:
            annotations.append(
                dict(id=len(annotations) + 1, image_id=i, category_id=1 + CLASSES.index(o['label']),
                     bbox=list(o['box']), area=o['box'][2] * o['box'][3], iscrowd=0)
            )  # fmt: skip
            if outlines:
                annotations[-1]['segmentation'] = [[float(v) for p in o['points'] for v in p]]
    categories = [dict(id=k, name=name) for k, name in enumerate(CLASSES, 1)]
    return dict(images=images, annotations=annotations, categories=categories)


def write_yolo(truth, folder, outlines=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, objects in truth.items():
        lines = []
        for o in objects:
            x, y, w, h = o['box']
            numbers = ((x + w / 2) / WIDTH, (y + h / 2) / HEIGHT, w / WIDTH, h / HEIGHT)
            if outlines:
                numbers = [v for px, py in o['points'] for v in (px / WIDTH, py / HEIGHT)]
            lines.append(' '.join([str(CLASSES.index(o['label'])), *(f'{n:.6f}' for n in numbers)]))
        (folder / f'{name[:-4]}.txt').write_text('\n'.join(lines) + '\n')


def voc_text(name, objects, first=1):
    """``first``: 1 as VOC counts pixels, 0 for points between pixels."""
    root = ET.Element('annotation')
    ET.SubElement(root, 'filename').text = name
    size = ET.SubElement(root, 'size')
    for tag, value in (('width', WIDTH), ('height', HEIGHT), ('depth', 3)):
        ET.SubElement(size, tag).text = str(value)
    for o in objects:
        x, y, w, h = o['box']
        item = ET.SubElement(root, 'object')
        ET.SubElement(item, 'name').text = o['label']
        ET.SubElement(item, 'difficult').text = str(int(o.get('difficult', 0)))
        box = ET.SubElement(item, 'bndbox')
        for tag, value in (
            ('xmin', x + first),
            ('ymin', y + first),
            ('xmax', x + w),
            ('ymax', y + h),
        ):
            ET.SubElement(box, tag).text = str(value)
    return ET.tostring(root, encoding='unicode')


def write_voc(truth, folder, first=1):
    folder.mkdir(parents=True, exist_ok=True)
    for name, objects in truth.items():
        (folder / f'{name[:-4]}.xml').write_text(voc_text(name, objects, first))


def png_text(mask):
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, 'PNG')
    return base64.b64encode(buffer.getvalue()).decode()


def labelme_shape(o, kind):
    x, y, w, h = o['box']
    shape = dict(label=o['label'], shape_type=kind, group_id=o.get('group'), flags={})
    if kind == 'rectangle':
        shape['points'] = [[x + w, y], [x, y + h]]  # any two corners that face each other
    elif kind == 'polygon':
        shape['points'] = [list(map(float, p)) for p in o['points']]
    else:  # LabelMe's mask: its first and last pixel, both inside
        shape['points'] = [[x, y], [x + w - 1, y + h - 1]]
        shape['mask'] = png_text(mask_of(o['points'])[y : y + h, x : x + w])
    return shape


def write_labelme(truth, folder, kind):
    folder.mkdir(parents=True, exist_ok=True)
    for name, objects in truth.items():
        content = dict(
            version='5.4.1', flags={}, shapes=[labelme_shape(o, kind) for o in objects],
            imagePath=name, imageData='bm90IHJlYWQ=', imageHeight=HEIGHT, imageWidth=WIDTH,
        )  # fmt: skip
        (folder / f'{name[:-4]}.json').write_text(json.dumps(content))


def via(truth, kind):
    entries = {}
    for name, objects in truth.items():
        regions = []
        for o in objects:
            x, y, w, h = o['box']
            shape = dict(name='rect', x=x, y=y, width=w, height=h)
            if kind == 'polygon':
                xs, ys = ([p[i] for p in o['points']] for i in (0, 1))
                shape = dict(name='polygon', all_points_x=xs, all_points_y=ys)
            regions.append(
                dict(shape_attributes=shape, region_attributes={'class': o['label'], 'note': ''})
            )
        entries[f'{name}123'] = dict(filename=name, size=123, regions=regions, file_attributes={})
    return {'_via_settings': {}, '_via_img_metadata': entries, '_via_attributes': {}}


def cvat(truth, kind):
    root = ET.Element('annotations')
    ET.SubElement(root, 'version').text = '1.1'
    labels = ET.SubElement(ET.SubElement(ET.SubElement(root, 'meta'), 'job'), 'labels')
    for name in CLASSES:
        ET.SubElement(ET.SubElement(labels, 'label'), 'name').text = name
    for i, (name, objects) in enumerate(truth.items()):
        image = ET.SubElement(
            root, 'image', id=str(i), name=name, width=str(WIDTH), height=str(HEIGHT)
        )
        for o in objects:
            x, y, w, h = o['box']
            if kind == 'box':
                corners = dict(
                    xtl=f'{x:.2f}', ytl=f'{y:.2f}', xbr=f'{x + w:.2f}', ybr=f'{y + h:.2f}'
                )
                ET.SubElement(image, 'box', label=o['label'], occluded='0', **corners)
            elif kind == 'polygon':
                points = ';'.join(f'{px:.2f},{py:.2f}' for px, py in o['points'])
                ET.SubElement(image, 'polygon', label=o['label'], points=points)
            else:
                part = mask_of(o['points'])[y : y + h, x : x + w].ravel().tolist()
                runs, value = [0], False
                for pixel in part:
                    if pixel != value:
                        runs.append(0)
                        value = pixel
                    runs[-1] += 1
                ET.SubElement(
                    image, 'mask', label=o['label'], rle=', '.join(map(str, runs)),
                    left=str(x), top=str(y), width=str(w), height=str(h),
                )  # fmt: skip
    return ET.tostring(root, encoding='unicode')


def write_instance_masks(truth, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, objects in truth.items():
        values = np.zeros((HEIGHT, WIDTH), np.uint16)
        for i, o in enumerate(objects, 300):
            values[mask_of(o['points'])] = i
        Image.fromarray(values).save(folder / name)


def write_object_masks(truth, folder):
    for name, objects in truth.items():
        (folder / name[:-4] / 'masks').mkdir(parents=True)
        for i, o in enumerate(objects):
            mask = mask_of(o['points']).astype(np.uint8) * 255
            Image.fromarray(mask).save(folder / name[:-4] / 'masks' / f'{i:04x}.png')
