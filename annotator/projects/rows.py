"""One row as a model's instance, read with SQL written out: for what every request asks.

Building a query, or reading the result of a raw one, costs Django several times what the database takes to run it. What
comes out is what the ORM gives: the same values, converted by the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model

Kind = TypeVar("Kind", bound=Model)
Converter = tuple[int, Any, list[Callable[..., Any]]]


def select(kind: type[Model], *more: str) -> str:
    """`SELECT ... FROM` a model's table: all its columns in the order in which `instance` takes them, then more."""
    columns = [str(field.column) for field in kind._meta.concrete_fields]
    return f"SELECT {', '.join([*columns, *more])} FROM {kind._meta.db_table}"


def find(sql: str, values: Sequence[Any]) -> Sequence[Any] | None:
    """The first row of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: Sequence[Any] | None = cursor.fetchone()
        return row


def instance(kind: type[Kind], row: Sequence[Any]) -> Kind:
    """The instance whose columns a row begins with."""
    names, converters = _shape(kind)
    values = list(row[: len(names)])
    for place, expression, steps in converters:
        for step in steps:
            values[place] = step(values[place], expression, connections[DEFAULT_DB_ALIAS])
    return kind.from_db(DEFAULT_DB_ALIAS, names, values)


@cache
def _shape(kind: type[Model]) -> tuple[list[str], list[Converter]]:
    """Names of a model's attributes, and how Django makes its values from the database's."""
    fields = kind._meta.concrete_fields
    expressions = [field.get_col(kind._meta.db_table) for field in fields]
    steps = [[*connection.ops.get_db_converters(one), *one.get_db_converters(connection)] for one in expressions]
    converters = [(place, expressions[place], found) for place, found in enumerate(steps) if found]
    return [field.attname for field in fields], converters
