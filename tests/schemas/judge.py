"""Holds documents against the schemas in `schemas/`, with python3-jsonschema as the judge.

    judge.py FOLDER < QUESTIONS

A question is a line of JSON: {"type": NAME, "document": ANY, "closed": BOOL}. The answer is a line of JSON with a list of
what is wrong, empty if nothing is. `closed`: objects may have no keys but those that the schema names, which v1 promises to
nobody, but a document of this very version has none; draft 2020-12 can say that, over the same schema. Each schema is
held against the meta-schema first.
"""

import json
import pathlib
import sys

try:
    from jsonschema import Draft7Validator, Draft202012Validator
except ImportError as error:
    sys.exit(f"python3-jsonschema of Debian's package of this name is needed by this test: {error}")

SEVERAL = ("allOf", "anyOf", "oneOf")


def closed(schema):
    """The schema with every object closed that does not say itself what else it takes."""
    joined = set()
    body = value(schema, joined)
    for name in joined:
        body["definitions"][name].pop("unevaluatedProperties", None)
    body["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return body


def value(schema, joined):
    """A schema of a whole value."""
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    for key in ("properties", "definitions"):
        if key in schema:
            schema[key] = {name: value(it, joined) for name, it in schema[key].items()}
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = value(schema[key], joined)
    for key in SEVERAL:
        if key in schema:
            schema[key] = [part(it, joined, "properties" in schema) for it in schema[key]]
    has_keys = "properties" in schema or any(key in schema for key in SEVERAL)
    if has_keys and "additionalProperties" not in schema:
        schema["unevaluatedProperties"] = False
    return schema


def part(schema, joined, beside_properties):
    """A schema beside others of the same value: what it names is not all that may be there."""
    if beside_properties and "$ref" in schema:
        joined.add(schema["$ref"].rsplit("/", 1)[1])
    schema = value(schema, joined)
    if isinstance(schema, dict):
        schema.pop("unevaluatedProperties", None)
    return schema


def main(folder):
    validators = {}
    for path in pathlib.Path(folder).iterdir():
        schema = json.loads(path.read_text())
        Draft7Validator.check_schema(schema)
        validators[path.stem, False] = Draft7Validator(schema)
        validators[path.stem, True] = Draft202012Validator(closed(schema))
    for line in sys.stdin:
        question = json.loads(line)
        validator = validators[question["type"], question["closed"]]
        errors = validator.iter_errors(question["document"])
        print(json.dumps([f"{error.json_path}: {error.message[-300:]}" for error in errors]))


main(sys.argv[1])
