"""The list of other packages' private names is what the code uses, and the installed versions have
them.
"""

import ast

import pytest

from ocrnet_mmdet import compat

from .detectors import ROOT

LISTED = {name for names in compat.PRIVATE.values() for name in names}
TREES = {path: ast.parse(path.read_text()) for path in (ROOT / 'ocrnet_mmdet').rglob('*.py')}


def own_names() -> set[str]:
    """Private functions, classes and attributes that the package gives itself."""
    names = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
    return names


def foreign_names() -> set[str]:
    """Private names that are read of anything, or imported, and are not the package's own."""
    names = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                names.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names |= {alias.name for alias in node.names}
    return {
        name for name in names if name.startswith('_') and not name.startswith('__')
    } - own_names()


def test_every_private_name_that_is_used_is_listed():
    assert foreign_names() <= LISTED


def test_every_listed_name_is_used():
    used = {
        node.attr
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }
    assert used | foreign_names() >= LISTED


def test_the_installed_versions_have_them():
    assert compat.missing() == []


@pytest.mark.parametrize('place', ['mmengine.runner:Runner', 'mmengine.runner.checkpoint:'])
def test_a_name_that_is_gone_is_missing(monkeypatch, place):
    monkeypatch.setattr(compat, 'PRIVATE', {place: ('_never_there',)})
    assert compat.missing() == [f'{place}._never_there']
