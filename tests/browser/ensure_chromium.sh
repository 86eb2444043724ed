#!/bin/sh
# Make sure there is a Chromium for the browser tests. Installs Debian's only where that needs no password.
set -eu
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
  exit 0
fi
echo "No Chromium found: browser tests will be skipped. Install one, e.g.: sudo apt-get install chromium" >&2
if [ -n "${CI:-}" ]; then exit 1; fi
