#!/bin/sh
# Names what this machine lacks before anything is installed. Usage: requirements.sh PYTHON
python=${1:-python3}
missing=

command -v git >/dev/null 2>&1 || missing="$missing git"
if ! command -v "$python" >/dev/null 2>&1; then
    missing="$missing python3"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "set-up: found $("$python" --version 2>&1), expected Python 3.11 or newer." >&2
    echo "        Name another one: make venv PYTHON=python3.12" >&2
    exit 1
elif ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    missing="$missing python3-venv"
fi

if [ -n "$missing" ]; then
    echo "set-up: missing:$missing" >&2
    echo "        On Debian: apt-get install$missing" >&2
    exit 1
fi
