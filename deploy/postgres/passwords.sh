#!/bin/sh
# Runs once, when the container makes its database: lets the services' roles log in.
# psql quotes the passwords (:'…'), so any character is safe in them.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --quiet \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set gap_detector="$GAP_DETECTOR_PASSWORD" \
    --set inventory_sync="$INVENTORY_SYNC_PASSWORD" \
    --set priority_router="$PRIORITY_ROUTER_PASSWORD" \
    --set notifier="$NOTIFIER_PASSWORD" \
    --set auditor="$AUDITOR_PASSWORD" <<'SQL'
ALTER ROLE gap_detector LOGIN PASSWORD :'gap_detector';
ALTER ROLE inventory_sync LOGIN PASSWORD :'inventory_sync';
ALTER ROLE priority_router LOGIN PASSWORD :'priority_router';
ALTER ROLE notifier LOGIN PASSWORD :'notifier';
ALTER ROLE auditor LOGIN PASSWORD :'auditor';
SQL
