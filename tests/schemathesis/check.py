"""What every answer must be, whatever Schemathesis asks: no failure of the server, and nothing that the schema rules out.

`VESTIBULE_SCHEMA` names the file of the schema that answers are held against.
"""

import os

import graphql
import schemathesis

with open(os.environ["VESTIBULE_SCHEMA"], encoding="utf-8") as file:
    SCHEMA = graphql.build_schema(file.read())


def read(source, info, **_):
    """A field's value is what the answer holds in its place."""
    return source.get(info.path.key)


def name_of(value, *_):
    return value["__typename"]


def named(document):
    """Asks for the type of every object, so that members of unions can be told apart."""

    class Namer(graphql.Visitor):
        def enter_selection_set(self, node, *_):
            name = graphql.FieldNode(name=graphql.NameNode(value="__typename"))
            return graphql.SelectionSetNode(selections=(*node.selections, name))

    return graphql.visit(document, Namer())


def assert_of_schema(document, data):
    """The reference implementation completes the answer anew: it must come to the same, and complain of nothing."""
    result = graphql.execute_sync(
        SCHEMA, document, root_value=data, field_resolver=read, type_resolver=name_of
    )
    assert not result.errors, f"the schema rules out {data}: {result.errors}"
    assert result.data == data, f"not what was asked for: {data} != {result.data}"


@schemathesis.hook
def map_body(context, body):
    return named(body)


@schemathesis.check
def sound(ctx, response, case):
    assert response.status_code < 500 or response.status_code == 503, response.text
    answer = response.json()
    assert answer.keys() <= {"data", "errors"}, answer
    for error in answer.get("errors") or []:
        code = error["extensions"]["code"]
        assert code != "INTERNAL", error
    data = answer.get("data")
    if data is not None:
        assert_of_schema(graphql.parse(case.body), data)
