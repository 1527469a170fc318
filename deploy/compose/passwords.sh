#!/bin/sh
# Writes `.env` with random passwords for docker-compose, once; an existing file stays as it is.
set -eu
cd "$(dirname "$0")/../.."

if [ -e .env ]; then
    echo ".env exists already: nothing to do"
    exit 0
fi

random() {
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

umask 077
for name in POSTGRES GAP_DETECTOR INVENTORY_SYNC PRIORITY_ROUTER NOTIFIER AUDITOR GRAFANA; do
    echo "${name}_PASSWORD=$(random)"
done > .env
echo "wrote .env; next: docker compose up --build --wait"
