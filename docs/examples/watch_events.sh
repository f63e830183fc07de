#!/bin/sh
# Print what goes wrong: watch_events.sh URL QUEUE (as `monitors add` printed them). Needs amqp-tools and jq.
# Each event is handed to jq and acknowledged when jq has ended well.
exec amqp-consume --url="$1" -q "$2" -- \
    jq --raw-output --unbuffered '"\(.level) \(.origin.tenant)/\(.origin.integration) \(.text)"'
