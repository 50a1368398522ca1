#!/bin/sh
# Before anything starts: are the settings good? Then the folders with their owners, and the files that hold a secret.
# It runs at each `docker compose up`; a container that it does not let start has done nothing yet.
set -eu

folder() { install -d -o "$2" -g "$2" -m "$3" "$1"; }

env | vsa secrets check /dev/stdin

folder /srv/data/postgres     999   0700
folder /srv/data/grafana      472   0700
folder /srv/data/prometheus   65534 0700
folder /srv/data/alertmanager 65534 0700
folder /srv/data/certbot      101   0700
folder /srv/data/tls          101   0700
folder /srv/data/acme         101   0755
folder /srv/logs/nginx        101   0750
folder /srv/logs/certbot      101   0700
folder /srv/auth              101   0750

folder /srv/data/rendered/prometheus   65534 0700
folder /srv/data/rendered/alertmanager 65534 0700
vsa alert config --output /srv/data/rendered/alertmanager/alertmanager.yml
# Whole or not at all: Prometheus reads it at each question.
token=/srv/data/rendered/prometheus/vsa_api_token
printf %s "$VSA_PROMETHEUS_TOKEN" | install -o 65534 -g 65534 -m 0400 /dev/stdin "$token.new"
mv -f "$token.new" "$token"
