"""The OpenAPI 3.1 description of `/mes/v1`, generated from the table and the values it names."""

import json
import re
from collections import defaultdict
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import msgspec
from msgspec import Struct

from mssante_sim import __version__
from mssante_sim.patient import api
from mssante_sim.patient.faults import FAULTS
from mssante_sim.patient.table import BASE, TABLE, Body, Operation, Who, by_path

__all__ = ["description"]

_Json = dict[str, Any]
_PATTERNS: Final = {
    "document": r"^[0-9]{1,20}-[0-9]{1,20}$",
    "draft": r"^[0-9]{1,20}-[0-9]{1,20}$",
    "message": r"^[rs][0-9]{1,20}-[0-9]{1,20}$",
    "finess": r"^[0-9][0-9AB][0-9]{7}$",
    "n": r"^[0-9]{1,5}$",
}
"""What stands in a path, by its name there."""

_REFUSED_BY_SERVER: Final = (409, 413, 422, 503)  # a refusal of the mail server has its own word


@cache
def description() -> bytes:
    """The description as JSON text."""
    structs = _structs()
    references, components = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    schemas = dict(zip(structs, references, strict=True))
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Mon espace santé (simulateur)", "version": __version__},
        "servers": [{"url": BASE}],
        "security": [{"session": []}],
        "paths": {
            path: {method.lower(): _operation(one, schemas, components) for method, one in methods.items()}
            for path, methods in by_path()
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        },
    }
    return json.dumps(document, ensure_ascii=False).encode()


def _structs() -> list[type[Struct]]:
    found: dict[type[Struct], None] = {api.Problem: None}
    for one in TABLE:
        for kind in (one.answer, one.query, one.takes):
            if isinstance(kind, type):
                found[kind] = None
    return list(found)


def _operation(one: Operation, schemas: dict[type[Struct], _Json], components: _Json) -> _Json:
    described: _Json = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": [*_path_parameters(one), *_query_parameters(one, components)],
        "responses": {str(one.status): _answer(one, schemas), **_problems(one, schemas)},
    }
    if one.who is Who.ANYONE:
        described["security"] = []
    if one.body is not Body.NONE:
        described["requestBody"] = {"required": True, "content": {one.body.value: {"schema": _body(one, components)}}}
    return described


def _path_parameters(one: Operation) -> list[_Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _PATTERNS[name]}}
        for name in re.findall(r"{(\w+)}", one.path)
    ]


def _query_parameters(one: Operation, components: _Json) -> list[_Json]:
    if one.query is None:
        return []
    schema = components[one.query.__name__]
    return [
        {"name": name, "in": "query", "required": name in schema["required"], "schema": kind}
        for name, kind in schema["properties"].items()
    ]


def _body(one: Operation, components: _Json) -> _Json:
    match one.body:
        case Body.JSON if one.takes is not None:
            return {"$ref": f"#/components/schemas/{one.takes.__name__}"}
        case Body.FORM if one.takes is not None:
            files = {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": 100}
            fields = components[one.takes.__name__]
            return {**fields, "properties": {**fields["properties"], "attachment": files}}
        case _:
            return {"type": "string", "format": "binary"}


def _answer(one: Operation, schemas: dict[type[Struct], _Json]) -> _Json:
    match one.answer:
        case None:
            return {"description": "Done."}
        case str() as media_type:
            binary = {} if media_type == "application/json" else {"type": "string", "format": "binary"}
            kinds = ("*/*",) if media_type == "application/octet-stream" else (media_type,)
            return {"description": one.summary, "content": {kind: {"schema": binary} for kind in kinds}}
        case kind:
            return {"description": one.summary, "content": {"application/json": {"schema": schemas[kind]}}}


def _problems(one: Operation, schemas: dict[type[Struct], _Json]) -> _Json:
    """Every status with the words that may stand behind it."""
    words: dict[int, list[str]] = defaultdict(list)
    for word in dict.fromkeys((*one.faults, *_everywhere(one))):
        words[FAULTS[word].status].append(word)
    if one.name == "send_draft":
        for status in _REFUSED_BY_SERVER:
            words[status].append("a word of the mail server")
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}: {', '.join(found)}",
            "content": {"application/json": {"schema": schemas[api.Problem]}},
        }
        for status, found in sorted(words.items())
    }


def _everywhere(one: Operation) -> list[str]:
    words = ["bad-parameter", "bad-body", "too-slow", "busy"]
    if one.who is not Who.ANYONE:
        words.append("session-missing")
    if one.who in (Who.PATIENT, Who.ACTIVATED, Who.PROFESSIONAL):
        words.append("not-for-this-account")
    if one.who is Who.ACTIVATED:
        words += ["profile-not-activated", "unreadable"]
    if one.body in (Body.JSON, Body.FORM):
        words.append("wrong-content-type")
    if one.body in (Body.FILE, Body.FORM) or one.name == "wait_for_news":
        words.append("too-many-at-once")
    return words
