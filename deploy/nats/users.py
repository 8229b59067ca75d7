"""Who may do what on NATS, as the text of users.conf: generated from the catalogue, without any password.

A password is read by the server from its environment, as `INTAKE_NATS_PASSWORD` for the user `intake`.
"""

import json
from collections.abc import Mapping

from libs.messaging.topology import Permissions

HEADER = "# Generated from the catalogue by `python -m deploy.containers.generate`; do not edit.\n"


def users_conf(permissions: Mapping[str, Permissions]) -> str:
    """The `authorization` block with one user for each entry; what is not listed is refused."""
    users = "\n".join(_user(name, allowed) for name, allowed in permissions.items())
    return f"{HEADER}authorization {{\n  users: [\n{users}\n  ]\n}}\n"


def password_variable(user: str) -> str:
    """The environment variable in which the server finds this user's password."""
    return f"{user.upper()}_NATS_PASSWORD"


def _user(name: str, allowed: Permissions) -> str:
    return (
        "    {\n"
        f"      user: {json.dumps(name)}\n"
        # Unquoted, because NATS reads a variable only outside quotes.
        f"      password: ${password_variable(name)}\n"
        "      permissions: {\n"
        f"        publish: {_subjects(allowed.publish)}\n"
        f"        subscribe: {_subjects(allowed.subscribe)}\n"
        "      }\n"
        "    }"
    )


def _subjects(subjects: tuple[str, ...]) -> str:
    # To NATS an empty list of what is allowed means everything.
    if not subjects:
        return '{deny: [">"]}'
    listed = "\n".join(f"          {json.dumps(subject)}" for subject in subjects)
    return f"{{allow: [\n{listed}\n        ]}}"
