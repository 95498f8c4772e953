#!/bin/sh
# Installs the runtime of Edge Annotator on this device and enrols it with the workspace at
# @PLAIN_URL@
# It makes one folder, $EDGE_HOME (~/.edge-annotator-device if unset), and, with --service, one unit of systemd.
set -eu
umask 077

url=@URL@
pin=@PIN@
proxy_pin=@PROXY_PIN@
wheel=@WHEEL@
wheel_sha256=@WHEEL_SHA256@

say() { printf '%s\n' "$*"; }
stop() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 2
}

usage() {
    say "Options, behind 'sh -s --':"
    say "  --code ABCD-EFGH   the one-time code of the workspace's device page"
    say "  --name NAME        how the device is to be called (the code's name goes first)"
    say "  --home DIR         where everything goes (default: \$EDGE_HOME or ~/.edge-annotator-device)"
    say "  --service          start with the machine, as a unit of systemd"
    say "  --no-start         install and enrol only"
    say "  --again            enrol anew a device that is enrolled already"
    say "  --index-url URL    where pip takes numpy, openvino, pillow and cryptography from"
}

fetch() { # address file
    if [ -n "$pin" ]; then
        curl -fsSk --pinnedpubkey "sha256//$pin" -o "$2" "$1"
    else
        curl -fsS -o "$2" "$1"
    fi
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>&1 || true)
    stop "Python 3.11 or newer is needed, and python3 here says '$found': install a newer one, then paste the line again."
}

make_environment() { # python
    if [ ! -x "$home/venv/bin/python" ] || [ ! -f "$home/venv/.whole" ]; then
        rm -rf "$home/venv"
        if "$1" -m venv "$home/venv" >/dev/null 2>&1; then
            :
        elif "$1" -m pip --version >/dev/null 2>&1; then
            # Debian's python3 comes without ensurepip: there the pip of the machine fills the environment.
            rm -rf "$home/venv"
            "$1" -m venv --without-pip "$home/venv"
            "$1" -m pip --quiet --python "$home/venv/bin/python" install pip
        else
            stop "Python cannot make a virtual environment: install its venv (Debian, Ubuntu: apt install python3-venv)."
        fi
        : >"$home/venv/.whole"
    fi
}

install_runtime() {
    if [ -f "$home/venv/.runtime" ] && [ "$(cat "$home/venv/.runtime")" = "$wheel_sha256" ]; then
        say "The runtime is there already."
        return
    fi
    say "Installing the runtime (numpy, openvino, pillow, cryptography and $wheel)."
    fetch "$url/edge/runtime/$wheel" "$home/$wheel" || stop "$url does not answer: see whether the site is up."
    "$home/venv/bin/python" - "$home/$wheel" "$wheel_sha256" <<'CHECK' || stop "The runtime arrived damaged: paste the line again."
import hashlib, pathlib, sys
sys.exit(hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest() != sys.argv[2])
CHECK
    set -- --disable-pip-version-check --quiet
    if [ -n "$index_url" ]; then
        set -- "$@" --index-url "$index_url"
    fi
    "$home/venv/bin/python" -m pip install "$@" "$home/$wheel"
    # The same version built anew is taken too.
    "$home/venv/bin/python" -m pip install "$@" --no-deps --force-reinstall "$home/$wheel"
    rm -f "$home/$wheel"
    printf '%s' "$wheel_sha256" >"$home/venv/.runtime"
}

write_anchors() {
    cat >"$home/authority.pem" <<'PEM'
@AUTHORITY@
PEM
    cat >"$home/workspace.pub" <<'PEM'
@WORKSPACE_KEY@
PEM
}

enrol_device() {
    if [ -f "$home/workspace.json" ] && [ -z "$again" ]; then
        say "This device is enrolled already; --again enrols it anew."
        return
    fi
    [ -n "$code" ] || stop "--code is missing: copy the whole line from the workspace's device page."
    write_anchors
    set -- --home "$home" --url "$url" --code "$code" --authority "$home/authority.pem" --workspace-key "$home/workspace.pub"
    if [ -n "$name" ]; then set -- "$@" --name "$name"; fi
    if [ -n "$proxy_pin" ]; then set -- "$@" --pin "$proxy_pin"; fi
    if [ -n "$again" ]; then set -- "$@" --again; fi
    "$home/venv/bin/edge-annotator" enrol "$@"
}

write_unit() { # file target
    mkdir -p "$(dirname "$1")"
    # systemd reads % and $ in its own way.
    safe=$(printf '%s' "$home" | sed 's/\\/\\\\/g; s/"/\\"/g; s/%/%%/g; s/\$/$$/g')
    cat >"$1" <<UNIT
[Unit]
Description=Edge Annotator on this device
After=network-online.target
Wants=network-online.target

[Service]
ExecStart="$safe/venv/bin/edge-annotator" agent --home "$safe"
Restart=always
RestartSec=2
TimeoutStopSec=20
NoNewPrivileges=yes

[Install]
WantedBy=$2
UNIT
}

start_service() {
    command -v systemctl >/dev/null 2>&1 || stop "There is no systemd here: leave --service out, and start the agent yourself."
    if [ "$(id -u)" = 0 ]; then
        write_unit /etc/systemd/system/edge-annotator.service multi-user.target
        systemctl daemon-reload
        systemctl enable edge-annotator.service
        systemctl restart edge-annotator.service
        removal="systemctl disable --now edge-annotator; rm /etc/systemd/system/edge-annotator.service"
    else
        write_unit "${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/edge-annotator.service" default.target
        systemctl --user daemon-reload
        systemctl --user enable edge-annotator.service
        systemctl --user restart edge-annotator.service
        # Without it the agent ends when this user signs out.
        loginctl enable-linger "$(id -un)" || say "Ask an administrator for: loginctl enable-linger $(id -un)"
        removal="systemctl --user disable --now edge-annotator"
    fi
    say "The agent runs as the service edge-annotator."
}

start_agent() {
    if "$home/venv/bin/edge-annotator" status --home "$home" >/dev/null 2>&1; then
        say "The agent is at work already; after an update, end it and paste the line again."
        removal="end the agent"
        return
    fi
    nohup "$home/venv/bin/edge-annotator" agent --home "$home" >>"$home/agent.log" 2>&1 </dev/null &
    agent=$!
    sleep 1
    kill -0 "$agent" 2>/dev/null || stop "The agent ended at once; $home/agent.log says why."
    removal="kill $agent"
    say "The agent runs as process $agent until the machine is switched off (--service keeps it); its log is $home/agent.log."
}

main() {
    home=${EDGE_HOME:-"${HOME:-/root}/.edge-annotator-device"}
    code='' name='' service='' start=yes again='' index_url='' removal=''
    while [ $# -gt 0 ]; do
        case $1 in
        --code | --name | --home | --index-url)
            [ $# -ge 2 ] || stop "$1 needs a value."
            case $1 in
            --code) code=$2 ;;
            --name) name=$2 ;;
            --home) home=$2 ;;
            --index-url) index_url=$2 ;;
            esac
            shift
            ;;
        --service) service=yes ;;
        --no-start) start='' ;;
        --again) again=yes ;;
        --help | -h)
            usage
            exit 0
            ;;
        *)
            usage >&2
            stop "'$1' is no option."
            ;;
        esac
        shift
    done
    command -v curl >/dev/null 2>&1 || stop "curl is needed: install it, then paste the line again."
    python=$(find_python) || exit 2
    mkdir -p "$home"
    home=$(cd "$home" && pwd)
    make_environment "$python"
    install_runtime
    enrol_device
    if [ -z "$start" ]; then
        say "Start the agent with: $home/venv/bin/edge-annotator agent --home '$home'"
        return
    fi
    if [ -n "$service" ]; then start_service; else start_agent; fi
    say "To remove it all: $removal; rm -r '$home'"
}

# All of it is read before anything is done, so a line that breaks off does nothing.
main "$@"
