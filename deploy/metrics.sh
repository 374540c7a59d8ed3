#!/bin/sh
# Run the command, tell a monitoring system how it went, and end as the command did:
#
#   METRICS_URL=http://monitoring.example/metrics sh deploy/metrics.sh --batch-size 2000
#
# The last line of the log holds the duration, whatever the log level; `grep` cuts it out, as in 45.67s.
set -eu
: "${METRICS_URL:?is not set. It names the address to post to}"

code=0
python manage.py migrate_legacy_data --log-file migration.log "$@" || code=$?
status=success
[ "$code" = 0 ] || status=failure

curl --fail --silent --show-error --max-time 10 -X POST "$METRICS_URL" \
  -d "migration_status=$status&duration=$(tail -1 migration.log | grep -o '[0-9.]*s')" ||
  echo "$METRICS_URL did not take the result." >&2 # which is no reason to call the migration failed
exit "$code"
