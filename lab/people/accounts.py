# SPDX-License-Identifier: Apache-2.0
# People of a lab as arguments of doctor, plan and verify: --as and a file with the password, for
# its owner alone.
from pathlib import Path


def account_arguments(directory, people, realm, password):
    """`password` gives a person's; the files go to `directory`."""
    arguments = []
    for person in people:
        file = Path(directory) / f"{person}.password"
        file.write_text(password(person) + "\n", encoding="utf-8")
        file.chmod(0o600)
        arguments += ["--as", f"{person}@{realm}", "--password-file", str(file)]
    return arguments
