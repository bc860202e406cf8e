"""The text of a config that a checkpoint holds, read as data: mmengine runs it as a program."""

import ast
import sys
from collections.abc import Iterator
from typing import Any

import mmengine.registry
from mmengine.registry import Registry


def plain_config(text: object) -> dict:
    """The values of a config as mmengine writes one into a checkpoint: ``name = value`` lines.

    Raises:
        ValueError: It holds more than values, names a base or a module that is not imported yet,
            or a type that is in no registry: mmengine would run, read, import or call it.
    """
    if not isinstance(text, str) or '{{' in text:  # mmengine replaces {{NAME}} before it reads
        raise ValueError('it is no plain text')
    try:
        lines = ast.parse(text).body
        config = dict(_named_value(line) for line in lines)
        types = [str(value) for value in _types(config)]
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f'{type(error).__name__}') from error
    imports: Any = config.get('custom_imports') or {}
    imports = imports.get('imports', []) if isinstance(imports, dict) else imports
    imports = [imports] if isinstance(imports, str) else imports
    foreign = [
        *config.keys() & {'_base_'},
        *(name for name in imports if name not in sys.modules),
        *(name for name in types if '.' in name and not _is_registered(name)),
    ]
    if foreign:
        raise ValueError(f'it names {ascii(foreign[0])}')
    return config


def _named_value(line: ast.stmt) -> tuple[str, object]:
    match line:
        case ast.Assign([ast.Name(name)], value):
            return name, _value(value)
    raise ValueError(f'line {line.lineno} is more than a value')


def _value(node: ast.expr) -> object:
    """A literal, or a ``dict(...)`` of literals."""
    match node:
        case ast.List(items) | ast.Tuple(items) | ast.Set(items):
            values = [_value(item) for item in items]
            return values if isinstance(node, ast.List) else tuple(values)
        case ast.Dict(keys, values) if None not in keys:
            return {ast.literal_eval(key): _value(value) for key, value in zip(keys, values) if key}
        case ast.Call(ast.Name('dict'), [] | [ast.Dict()], named) if all(
            pair.arg for pair in named
        ):
            return dict(
                *map(_value, node.args), **{str(pair.arg): _value(pair.value) for pair in named}
            )
    try:
        return ast.literal_eval(node)
    except ValueError:  # of a name, an attribute, another call
        raise ValueError(f'line {node.lineno} is more than a value') from None


def _types(node: object) -> Iterator[object]:
    """Every ``type`` in nested values."""
    if isinstance(node, dict):
        if 'type' in node:
            yield node['type']
        node = node.values()
    elif not isinstance(node, (list, tuple)):
        return
    for child in node:
        yield from _types(child)


def _is_registered(name: str) -> bool:
    """Whether ``SCOPE.NAME`` is in a registry: else mmengine calls what Python finds there."""
    scope, _, own = name.rpartition('.')
    roots = [root for root in vars(mmengine.registry).values() if isinstance(root, Registry)]
    return any(
        node.scope == scope and own in node.module_dict
        for root in roots
        for node in (root, *root.children.values())
    )
