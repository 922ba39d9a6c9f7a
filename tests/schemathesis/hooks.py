"""Loaded by schemathesis: asks for rows of others, and looks for them in every answer. `run.py` says which there are."""

import hashlib
import json
import os

import schemathesis

# By list: the ids of others' rows. And the texts that no answer may hold.
IDS = json.loads(os.environ["MAKO_IDS_OF_OTHERS"])
TRACES = json.loads(os.environ["MAKO_TRACES_OF_OTHERS"])


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Every other id becomes one of somebody else's row."""
    of_this = IDS.get(context.operation.path.split("/")[2]) if path_parameters and "id" in path_parameters else None
    if of_this:
        number = int.from_bytes(hashlib.sha256(repr(path_parameters["id"]).encode()).digest()[:8])
        if number % 2:
            path_parameters = {**path_parameters, "id": of_this[number // 2 % len(of_this)]}
    return path_parameters


@schemathesis.check
def no_row_of_anothers(context, response, case):
    """What is in an answer, the caller has sent or owns."""
    sent = f"{response.request.url} {response.request.body!r}"
    found = [trace for trace in TRACES if trace in response.text and trace not in sent]
    assert not found, f"the answer holds {len(found)} texts of another tenant's, such as {found[0]}"
