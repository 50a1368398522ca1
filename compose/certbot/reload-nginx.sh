#!/bin/sh
# Reload NGINX when another certificate is published: a script of /docker-entrypoint.d in NGINX's image.
# It leaves a watcher behind and ends; NGINX then becomes the container's main process and gets its signals,
# and the watcher dies with the container. No Docker socket, no signal from another container.
set -eu

live=${LIVE_FOLDER:-/etc/letsencrypt/live}/$DASHBOARD_DOMAIN

say() { echo "reload-nginx: $*" >&2; }

published() { cksum "$live/fullchain.pem" "$live/privkey.pem" 2>/dev/null || true; }

# A configuration that fails its test is not loaded: the old one goes on serving. Each reason is told once, and the
# test is not repeated at every look, for NGINX logs its own line each time.
reload() {
    if reason=$(nginx -t -q 2>&1) && reason=$(nginx -s reload 2>&1); then
        say 'another certificate is published: NGINX reloads'
        served=$1 told='' pause=2
        return
    fi
    if [ "$reason" != "$told" ]; then say "the certificate served stays, NGINX refuses the new state: $reason"; fi
    told=$reason pause=30
}

watch() {
    told='' pause=2
    while sleep $pause; do
        now=$(published)
        if [ "$now" != "$served" ]; then reload "$now"; fi
    done
}

served=$(published)
watch &
