# Sourced by the other scripts: a Python >= 3.11 with venv, and the project's virtual environment.
# POSIX shell; changes to the checkout's root.

cd "$(dirname "$0")/.." || exit 1
venv=${MSSANTE_SIM_VENV:-$PWD/.venv}

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
is_debian_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }

# install_debian PACKAGE…: names the packages, then installs them; only for root on Debian.
install_debian() {
    say "Installing with apt-get: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null || true  # an old list may name an old version, or none
    apt-get install -y -qq "$@" >/dev/null || die "apt-get could not install: $*"
}

suits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# find_python: prints the first suitable interpreter.
find_python() {
    for candidate in ${MSSANTE_SIM_PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
        if suits "$candidate"; then echo "$candidate"; return 0; fi
    done
    return 1
}

# make_venv DIRECTORY PYTHON [EXTRA]: the environment has the project as setup.cfg asks; quick when nothing changed.
make_venv() {
    wanted=$(cksum setup.cfg pyproject.toml; echo "${3:-}")
    [ -x "$1/bin/python" ] || "$2" -m venv "$1" || die "No virtual environment could be made in $1."
    case "$(cat "$1/installed" 2>/dev/null)" in "$wanted"*) return 0 ;; esac
    say "Installing the project and what it needs into $1 …"
    "$1/bin/python" -m pip install -q --disable-pip-version-check -e ".${3:+[$3]}" || die "pip could not install the project."
    printf '%s\n' "$wanted" >"$1/installed"
}

# project_venv [EXTRA]: as make_venv, in $venv, finding or installing Python first.
project_venv() {
    if ! python=$(find_python); then
        if is_debian_root; then
            install_debian python3 python3-venv
            python=$(find_python) || die "Debian's python3 is older than 3.11: install a newer Python, then run this again."
        else
            die "Python 3.11 or later with venv is needed. On Debian or Ubuntu: sudo apt-get install python3 python3-venv"
        fi
    fi
    make_venv "$venv" "$python" "${1:-}"
}
