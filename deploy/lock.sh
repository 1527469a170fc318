#!/bin/sh
# Regenerates every lock: the workspace's, one per service image, and the image build's own.
# Versions that are locked already stay, unless `--upgrade` or `--upgrade-package NAME` is given.
# No index address gets into a lock: whoever installs from it uses the index of their own client.
set -eu
cd "$(dirname "$0")/.."

UV=${UV:-.venv/bin/uv}
export UV_CUSTOM_COMPILE_COMMAND="make lock"

MEMBERS="backorder-contracts backorder-runtime backorder-dev
         backorder-gap-detector backorder-inventory-sync backorder-priority-router backorder-notifier
         backorder-auditor"
LIBRARIES="libs/backorder-contracts/pyproject.toml libs/backorder-runtime/pyproject.toml"

lock() {  # lock OUTPUT INPUT-OR-OPTION...
    output=$1
    shift
    for member in $MEMBERS; do
        set -- "$@" --no-emit-package "$member"
    done
    "$UV" pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --output-file "$output" "$@"
}

# shellcheck disable=SC2046  # the member files are words
lock requirements.lock "$@" --group pyproject.toml:dev \
    $(ls libs/*/pyproject.toml services/*/pyproject.toml)

for service in services/*/; do
    # shellcheck disable=SC2086  # the library files are words
    lock "${service}requirements.lock" "${service}pyproject.toml" $LIBRARIES --constraints requirements.lock
done

# What draws the plots of docs/performance; only `make bench` needs it.
lock tests/benchmarks/plots.lock tests/benchmarks/plots.in --constraints requirements.lock

# What turns the members into wheels. It is needed while an image is built and is not in the image.
lock deploy/build.lock deploy/build.in --constraints requirements.lock
